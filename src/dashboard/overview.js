// All sessions that the caller may see, and the host's room.

import { followEvents, keepFollowing, pause, Problem, request } from "./api.js";
import { nameOf } from "./actions.js";
import { el, setText } from "./dom.js";
import { showSite } from "./site.js";
import { Series } from "./store.js";
import { sessionTable } from "./table.js";

const LIVE = "queued,starting,ready,busy,frozen,recovering,ending,stuck";
const PAGE = 100;
const REFRESH = 2000; // milliseconds

class Overview {
  #series = new Map();
  #sessions = [];
  #cursors = [""]; // of this page and those before it
  #next = "";
  #wake = () => {};

  constructor(main, caller, signal) {
    this.signal = signal;
    this.table = sessionTable(caller.role === "admin", () => this.refreshSoon());
    this.ended = el("input", { type: "checkbox", id: "show-ended", onchange: () => this.#turnTo([""]) });
    this.filter = el("input", { type: "search", id: "filter", placeholder: "Name, id, tenant or label", oninput: () => this.#draw() });
    this.empty = el("p", { class: "hint empty" });
    this.back = el("button", { type: "button", class: "quiet", onclick: () => this.#turnTo(this.#cursors.slice(0, -1)) }, "Newer");
    this.onward = el("button", { type: "button", class: "quiet", onclick: () => this.#turnTo([...this.#cursors, this.#next]) }, "Older");
    main.replaceChildren(el("h1", { class: "unseen" }, "Sessions"), showSite(signal),
      el("section", { class: "card list", "aria-label": "Sessions" },
        el("div", { class: "toolbar" }, el("h2", {}, "Sessions"),
          el("label", { for: "filter", class: "unseen" }, "Filter"), this.filter,
          el("label", { class: "check" }, this.ended, "Ended ones")),
        this.table.element, this.empty, el("div", { class: "pages" }, this.back, this.onward)));
    document.title = "Sessions – ChimeraX sandbox";
  }

  async run() {
    keepFollowing((signal) => followEvents("/v1/events", signal, () => this.refreshSoon()), this.signal);
    while (!this.signal.aborted) {
      if (!document.hidden || this.#sessions.length === 0) await this.#refresh();
      await Promise.race([pause(REFRESH, this.signal), new Promise((resolve) => { this.#wake = resolve; })]);
    }
  }

  refreshSoon() {
    this.#wake();
  }

  #turnTo(cursors) {
    this.#cursors = cursors;
    this.#sessions = [];
    this.refreshSoon();
  }

  async #refresh() {
    const cursor = this.#cursors.at(-1), states = this.ended.checked ? "ended" : LIVE;
    const path = `/v1/sessions?order=newest&limit=${PAGE}&state=${states}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    try {
      const answer = await request("GET", path, { signal: this.signal });
      this.#sessions = answer.sessions;
      this.#next = answer.next_cursor ?? "";
      for (const session of this.#sessions) this.#note(session);
      const listed = new Set(this.#sessions.map((session) => session.id));
      for (const id of this.#series.keys()) if (!listed.has(id)) this.#series.delete(id);
      this.problem = "";
    } catch (error) {
      if (this.signal.aborted) return;
      this.problem = error instanceof Problem ? error.text : "The server does not answer; this goes on trying.";
    }
    this.#draw();
  }

  #note(session) {
    let series = this.#series.get(session.id);
    if (!series) {
      series = new Series();
      this.#series.set(session.id, series);
      if (session.state !== "ended") {
        request("GET", `/v1/sessions/${session.id}/stats?history=1`, { signal: this.signal }).then((stats) => {
          series.seed(stats.history);
        }).catch(() => {}); // it has ended meanwhile
      }
    }
    if (session.state !== "ended") series.add(session.usage);
  }

  #matches(session) {
    const wanted = this.filter.value.trim().toLowerCase();
    const texts = [nameOf(session), session.id, session.tenant, ...Object.entries(session.labels).map((label) => label.join("="))];
    return texts.some((text) => text.toLowerCase().includes(wanted));
  }

  #draw() {
    const shown = this.#sessions.filter((session) => this.#matches(session));
    this.table.show(shown, (session) => this.#series.get(session.id));
    const nothing = this.#sessions.length > 0 ? "No session on this page fits the filter." : this.ended.checked ? "No session has ended lately."
      : "There are no sessions. They are made over the API, or with sandboxctl create.";
    setText(this.empty, this.problem || (shown.length > 0 ? "" : nothing));
    this.empty.classList.toggle("error", this.problem !== "");
    this.table.element.hidden = shown.length === 0;
    this.back.hidden = this.#cursors.length < 2;
    this.onward.hidden = this.#next === "";
  }
}

export function showOverview(main, caller, signal) {
  new Overview(main, caller, signal).run();
}
