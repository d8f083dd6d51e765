// What ChimeraX prints, as it comes.

import { followText, keepFollowing } from "./api.js";
import { el } from "./dom.js";

const KEPT = 256 * 1024; // characters; the whole is to be had with sandboxctl logs

/** A card with the session's log; `isOver` tells that nothing more will come. */
export function logCard(id, signal, isOver) {
  const text = el("pre", { class: "log", tabindex: 0, role: "region", "aria-label": "Log" });
  let current = new AbortController();
  signal.addEventListener("abort", () => current.abort(), { once: true });

  function append(piece) {
    const atEnd = text.scrollTop + text.clientHeight >= text.scrollHeight - 4;
    text.append(piece);
    if (text.textContent.length > KEPT) text.textContent = text.textContent.slice(-KEPT / 2);
    if (atEnd) text.scrollTop = text.scrollHeight;
  }

  function follow(stream) {
    current.abort();
    current = new AbortController();
    const its = current.signal;
    keepFollowing((ofStream) => {
      text.replaceChildren();
      return followText(`/v1/sessions/${id}/logs?follow=1&stream=${stream}`, ofStream, append);
    }, its, isOver);
  }

  const choose = el("select", { id: "log-stream", onchange: () => follow(choose.value) },
    el("option", { value: "stdout" }, "stdout"), el("option", { value: "stderr" }, "stderr"));
  follow("stdout");
  return el("section", { class: "card", "aria-label": "Log" },
    el("div", { class: "toolbar" }, el("h2", {}, "Log"), el("label", { for: "log-stream", class: "unseen" }, "Stream"), choose), text);
}
