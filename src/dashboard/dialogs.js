// Questions before something is done. The browser's own dialog keeps the focus inside, and closes on Escape.

import { el } from "./dom.js";

let count = 0;

/**
 * Asks, and resolves to null where the answer is no; else to the chosen value, or true without choices.
 * `choices` are [value, text] pairs.
 */
export function ask({ title, text, confirm, danger = false, choices = null, label = "" }) {
  const id = `dialog-${count += 1}`;
  const select = choices && el("select", { id: `${id}-choice` }, ...choices.map(([value, name]) => el("option", { value }, name)));
  const yes = el("button", { type: "button", class: danger ? "danger" : "primary" }, confirm);
  const no = el("button", { type: "button", class: "quiet", autofocus: danger }, "Cancel");
  const dialog = el("dialog", { "aria-labelledby": `${id}-title`, "aria-describedby": `${id}-text` },
    el("h2", { id: `${id}-title` }, title), el("p", { id: `${id}-text` }, text),
    select && el("label", { for: `${id}-choice` }, label), select,
    el("div", { class: "buttons" }, no, yes));
  return new Promise((resolve) => {
    let answer = null;
    yes.addEventListener("click", () => { answer = select ? select.value : true; dialog.close(); });
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => { dialog.remove(); resolve(answer); });
    document.body.append(dialog);
    dialog.showModal();
  });
}
