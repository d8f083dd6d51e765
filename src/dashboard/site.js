// Room and load of the host: places, memory, queue, and the gates on memory, disk, descriptors and stalls (PSI).

import { pause, request } from "./api.js";
import { el } from "./dom.js";
import { bytes, duration } from "./format.js";

const GATES = {
  memory_available: "Memory available", memory_pressure: "Memory stalls (PSI)", io_pressure: "I/O stalls (PSI)",
  disk_free: "Disk free", descriptors_free: "Descriptors free",
};

function meter(name, value, max, format) {
  const share = max > 0 ? Math.min(1, value / max) : 0;
  const fill = el("span", { class: "fill" });
  fill.style.width = `${share * 100}%`;
  return el("div", { class: share > 0.9 ? "meter high" : "meter", role: "meter", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": max,
    "aria-valuenow": Math.min(value, max), "aria-valuetext": `${format(value)} of ${format(max)}` }, fill);
}

function tile(name, value, max, format, hint = "") {
  return el("div", { class: "card tile" }, el("h2", {}, name),
    el("p", { class: "figure" }, el("b", {}, format(value)), el("span", {}, ` of ${format(max)}`)),
    meter(name, value, max, format), el("p", { class: "hint" }, hint));
}

function gateText(gate) {
  const format = gate.unit === "bytes" ? bytes : gate.unit === "percent" ? (value) => `${value.toFixed(1)} %` : (value) => String(value);
  const value = gate.value == null ? "not measured" : format(gate.value);
  if (gate.state === "off") return gate.value == null ? gate.note || "off" : `${value}, no limit`;
  return gate.at_least != null ? `${value}, at least ${format(gate.at_least)}` : `${value}, at most ${format(gate.at_most)}`;
}

function gates(list) {
  return el("div", { class: "card tile wide" }, el("h2", {}, "Host"),
    el("dl", { class: "gates" }, ...list.flatMap((gate) => [
      el("dt", {}, GATES[gate.name] ?? gate.name),
      el("dd", { class: gate.state }, el("span", { class: "dot" }), gate.state === "closed" ? "short: " : "", gateText(gate)),
    ])));
}

function tiles(view) {
  const count = (value) => String(value);
  const verdict = view.admitting ? el("p", { class: "verdict good" }, "New sessions are admitted")
    : el("p", { class: "verdict bad" }, `New sessions are refused: ${view.reason}. Try again in ${duration(view.retry_after_seconds)}.`);
  return [verdict,
    tile("Sessions", view.sessions.taken, view.sessions.max, count, `${view.starts.now} of ${view.starts.max} starts under way`),
    tile("Memory promised", view.memory.promised_bytes, view.memory.max_bytes, bytes, `overcommit ${view.memory.overcommit}`),
    tile("Queue", view.queue.length, view.queue.max, count, `waits at most ${duration(view.queue.timeout_seconds)}`),
    gates(view.gates)];
}

/** Keeps a section up to date until `signal` ends it. */
export function showSite(signal) {
  const section = el("section", { class: "tiles", "aria-label": "Capacity of the host" });
  (async () => {
    while (!signal.aborted) {
      try {
        if (!document.hidden) section.replaceChildren(...tiles(await request("GET", "/v1/pressure", { signal, accept: [503] })));
      } catch {
        // The list below says it, too.
      }
      await pause(3000, signal);
    }
  })();
  return section;
}
