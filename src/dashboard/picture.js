// The last picture of a session: ChimeraX is asked for one when the user wants it, as asking counts as activity.

import { Problem, requestBlob } from "./api.js";
import { el, notify } from "./dom.js";
import { clock } from "./format.js";

const pictures = new Map(); // by session: {url, at}

/** Forgets all, as for the next user. */
export function forgetPictures() {
  for (const { url } of pictures.values()) URL.revokeObjectURL(url);
  pictures.clear();
}

export function pictureCard(session) {
  const place = el("div", { class: "picture" });
  const when = el("p", { class: "hint" });
  const show = () => {
    const picture = pictures.get(session.id);
    place.replaceChildren(picture ? el("img", { src: picture.url, alt: `Picture of ${session.name || session.id}`, width: 640, height: 480 })
      : el("p", { class: "hint empty" }, "No picture yet."));
    when.textContent = picture ? `Taken ${clock(picture.at)}` : "Taking one counts as activity, and thaws a frozen session.";
  };
  const button = el("button", { type: "button", class: "quiet" }, "Take picture");
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      const blob = await requestBlob("POST", `/v1/sessions/${session.id}/render`, { body: { width: 1280, height: 960, supersample: 2 } });
      if (pictures.has(session.id)) URL.revokeObjectURL(pictures.get(session.id).url);
      pictures.set(session.id, { url: URL.createObjectURL(new Blob([blob], { type: "image/png" })), at: Date.now() });
    } catch (error) {
      notify(error instanceof Problem ? error.text : "The server does not answer.", true);
    }
    button.disabled = false;
    show();
  });
  show();
  return el("section", { class: "card", "aria-label": "Picture" }, el("div", { class: "toolbar" }, el("h2", {}, "Picture"), button), place, when);
}
