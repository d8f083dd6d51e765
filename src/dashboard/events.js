// What happened to a session, newest first.

import { followEvents, keepFollowing } from "./api.js";
import { el } from "./dom.js";
import { duration } from "./format.js";

const KEPT = 200;

function describe(event) {
  if (event.type === "gap") return ["earlier", "Older events are no longer known."];
  if (event.type === "expiring") return ["expiring", `The ${event.clock} clock ends it in ${duration(event.seconds_left)}.`];
  const step = event.previous_state ? `${event.previous_state} → ${event.state}` : event.state;
  return [step, [event.reason, event.message].filter(Boolean).join(": ")];
}

function item(event) {
  const [what, detail] = describe(event);
  const time = event.at ? el("time", { datetime: event.at }, new Date(event.at).toLocaleTimeString()) : null;
  return el("li", {}, time, el("b", {}, what), el("span", {}, detail));
}

/** A card that follows the session's events from the oldest that is known; `happened` is called for each. */
export function eventsCard(id, signal, happened) {
  const list = el("ol", { class: "events", tabindex: 0, "aria-label": "Events" });
  let last = "1", over = false;
  keepFollowing((stream) => followEvents(`/v1/sessions/${id}/events?last_event_id=${last}`, stream, (event, eventId) => {
    last = eventId ?? last;
    over = event.state === "ended";
    if (event.state === "queued" && !event.previous_state) list.replaceChildren(); // its first: nothing is missing before it
    list.prepend(item(event));
    while (list.children.length > KEPT) list.lastChild.remove();
    happened(event);
  }), signal, () => over);
  return el("section", { class: "card", "aria-label": "Events" }, el("div", { class: "toolbar" }, el("h2", {}, "Events")), list);
}
