// One session: its figures, log, events, last picture, and how it ended.

import { actionButtons, nameOf } from "./actions.js";
import { followEvents, keepFollowing, pause, Problem, request } from "./api.js";
import { Charts } from "./charts.js";
import { el, setText } from "./dom.js";
import { eventsCard } from "./events.js";
import { bytes, clock, duration, since, until } from "./format.js";
import { logCard } from "./log.js";
import { pictureCard } from "./picture.js";
import { stateBadge } from "./table.js";

/** The session, also one that has ended (410). */
async function load(id, signal) {
  const answer = await request("GET", `/v1/sessions/${id}`, { signal, accept: [410] });
  return answer.session ?? answer;
}

function facts(pairs) {
  return el("dl", { class: "facts" }, ...pairs.filter(([, value]) => value != null && value !== "")
    .flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function restText(rest) {
  if (!rest) return null;
  const reclaimed = rest.reclaimed_bytes == null ? "memory is being reclaimed" : `${bytes(rest.reclaimed_bytes)} reclaimed`;
  return [`since ${clock(rest.frozen_at)}`, reclaimed, rest.not_reclaimed].filter(Boolean).join(", ");
}

function left(time) {
  return time == null ? null : `in ${duration(until(time))}`;
}

function factsOf(session) {
  const ended = session.state === "ended";
  return facts([
    ["Tenant", session.tenant], ["Policy", session.policy.name],
    ["Engine", `${session.engine.name} ${session.engine.version}`.trim() + (session.engine.stand_in ? " (stand-in, no UCSF ChimeraX)" : "")],
    ["Health", ended ? null : session.health.status], ["Created", clock(session.created_at)],
    ["Idle", ended ? null : session.state === "busy" ? `busy for ${duration(session.health.in_flight_seconds)}` : duration(since(session.last_activity_at))],
    ["Ends when idle", ended ? null : left(session.expires.idle_at)], ["Ends in any case", ended ? null : left(session.expires.lifetime_at)],
    ["Restarts", session.restarts > 0 ? `${session.restarts}${session.restart_reason ? `, last: ${session.restart_reason}` : ""}` : null],
    ["Frozen", restText(session.rest)],
    ["Autosave", session.autosave && (session.autosave.failure ?? (session.autosave.last_at ? clock(session.autosave.last_at) : "none yet"))],
    ["Labels", Object.entries(session.labels).map((label) => label.join("=")).join(", ")],
  ]);
}

function endCard(end) {
  return el("section", { class: "card end", "aria-label": "How it ended" }, el("h2", {}, `Ended: ${end.reason}`),
    end.message ? el("p", {}, end.message) : null,
    facts([["At", clock(end.at)], ["Exit status", end.exit_status], ["Signal", end.signal], ["OOM kills", end.oom_kills || null],
      ["Peak memory", end.memory_peak_bytes == null ? null : bytes(end.memory_peak_bytes)], ["CPU time", duration(end.cpu_seconds)],
      ["Log", end.log && (end.log.kept ? `kept until ${clock(end.log.until)}` : end.log.message)]]),
    end.log_tail ? el("pre", { class: "log", tabindex: 0, role: "region", "aria-label": "Last lines of its log" }, end.log_tail) : null);
}

class SessionView {
  #wake = () => {};

  constructor(main, id, caller, signal) {
    Object.assign(this, { main, id, caller, signal });
  }

  async run() {
    try {
      this.session = await load(this.id, this.signal);
    } catch (error) {
      if (!this.signal.aborted) this.#showProblem(error);
      return;
    }
    this.#build();
    this.#draw();
    while (!this.signal.aborted && this.session.state !== "ended") {
      await Promise.race([pause(5000, this.signal), new Promise((resolve) => { this.#wake = resolve; })]);
      try {
        this.session = await load(this.id, this.signal);
        this.#draw();
      } catch {
        // The streams go on trying as well.
      }
    }
  }

  #showProblem(error) {
    const text = error instanceof Problem ? error.text : "The server does not answer.";
    this.main.replaceChildren(el("section", { class: "card" }, el("h1", {}, "No such session"), el("p", { class: "error", role: "alert" }, text),
      el("p", {}, el("a", { href: "#/" }, "All sessions"))));
  }

  #build() {
    this.heading = el("h1", {});
    this.badge = stateBadge();
    this.actions = el("div", { class: "actions" });
    this.details = el("div", {});
    this.end = el("div", {});
    const isOver = () => this.session.state === "ended";
    const back = this.caller.role === "session" ? null : el("a", { class: "back", href: "#/" }, "← All sessions");
    const cards = [eventsCard(this.id, this.signal, () => this.#wake())];
    if (!isOver()) {
      this.charts = new Charts(this.signal);
      this.picture = pictureCard(this.session);
      cards.unshift(this.picture, logCard(this.id, this.signal, isOver));
      this.#followStats(isOver);
    } else if (this.session.end?.log?.kept) {
      cards.unshift(logCard(this.id, this.signal, isOver));
    }
    this.main.replaceChildren(back ?? "", el("section", { class: "card head", "aria-label": "Session" },
      el("div", { class: "toolbar" }, this.heading, this.badge, this.actions), el("p", { class: "id" }, this.id), this.details),
    this.end, this.charts?.element ?? "", el("div", { class: "columns" }, ...cards));
  }

  #followStats(isOver) {
    const path = `/v1/sessions/${this.id}/stats`;
    keepFollowing(async (stream) => {
      this.charts.seed(await request("GET", `${path}?history=1`, { signal: stream })); // also of the time when nobody looked
      await followEvents(`${path}?follow=1`, stream, (stats) => this.charts.add(stats));
    }, this.signal, isOver);
  }

  #draw() {
    const session = this.session, ended = session.state === "ended";
    setText(this.heading, nameOf(session));
    document.title = `${nameOf(session)} – ChimeraX sandbox`;
    this.badge.show(session);
    if (this.shape !== session.state) {
      this.shape = session.state;
      this.actions.replaceChildren(...actionButtons(session, (after) => { this.session = after; this.#draw(); }));
    }
    const lacking = session.limits.not_enforced;
    this.details.replaceChildren(factsOf(session), ...(lacking.length > 0 ? [el("details", { class: "lacking", open: this.details.querySelector("details")?.open },
      el("summary", {}, `This host does not enforce ${lacking.length} of its limits`), el("ul", {}, ...lacking.map((text) => el("li", {}, text))))] : []));
    if (ended && this.end.children.length === 0 && session.end) this.end.replaceChildren(endCard(session.end));
    if (ended) this.picture?.querySelector("button").setAttribute("disabled", "");
  }
}

export function showSession(main, id, caller, signal) {
  new SessionView(main, id, caller, signal).run();
}
