// The table of sessions: a row each, which is changed in place, so that focus and selection stay.

import { actionButtons, nameOf } from "./actions.js";
import { el, setText } from "./dom.js";
import { bytes, cpus, duration, ofLimit, since, until } from "./format.js";
import { sparkline } from "./sparkline.js";

/** The state as a coloured word. */
export function stateBadge() {
  const badge = el("span", { class: "state" });
  badge.show = (session) => {
    badge.dataset.state = session.state;
    setText(badge, session.end ? `${session.state}: ${session.end.reason}` : session.state);
  };
  return badge;
}

function cell(name, ...children) {
  return el("td", { "data-label": name }, ...children);
}

function figureCell(name) {
  const spark = sparkline(), text = el("span", { class: "value" });
  const element = cell(name, el("div", { class: "figure-cell" }, spark, text));
  element.show = (session, line, value, limit, format) => {
    spark.draw(line, limit, `${name} of ${nameOf(session)}: ${value == null ? "not measured" : ofLimit(value, limit, format)}`);
    setText(text, value == null ? "not measured" : ofLimit(value, limit, format));
  };
  return element;
}

function endsIn(session) {
  const left = [session.expires.idle_at, session.expires.lifetime_at].map(until).filter((seconds) => seconds != null);
  return left.length > 0 ? duration(Math.min(...left)) : "–";
}

class Row {
  constructor(withTenant, changed) {
    this.changed = changed;
    this.link = el("a", {});
    this.id = el("span", { class: "id" });
    this.badge = stateBadge();
    this.tenant = withTenant ? cell("Tenant") : null;
    this.policy = cell("Policy");
    this.cpu = figureCell("CPU");
    this.memory = figureCell("Memory");
    this.idle = cell("Idle");
    this.ends = cell("Ends in");
    this.actions = el("td", { class: "actions" });
    this.element = el("tr", {}, el("th", { scope: "row" }, this.link, this.id), cell("State", this.badge), this.tenant, this.policy,
      this.cpu, this.memory, this.idle, this.ends, this.actions);
  }

  show(session, series) {
    this.link.href = `#/sessions/${session.id}`;
    setText(this.link, nameOf(session));
    setText(this.id, session.name ? session.id : "");
    this.badge.show(session);
    if (this.tenant) setText(this.tenant, session.tenant);
    setText(this.policy, session.policy.name);
    const limits = session.limits.enforced, last = session.state === "ended" ? {} : series.last;
    this.cpu.show(session, series.line("cpu"), last.cpu, limits.cpus, cpus);
    this.memory.show(session, series.line("memory"), last.memory, limits.memory_bytes, bytes);
    setText(this.idle, session.state === "ended" ? "–" : session.state === "busy" ? "busy" : duration(since(session.last_activity_at)));
    setText(this.ends, session.state === "ended" ? "–" : endsIn(session));
    const shape = `${session.state} ${nameOf(session)}`;
    if (this.shape !== shape) {
      this.shape = shape;
      this.actions.replaceChildren(...actionButtons(session, this.changed));
    }
  }
}

/** A table whose `show(sessions, seriesOf)` brings it up to date; `changed` is called after an action. */
export function sessionTable(withTenant, changed) {
  const rows = new Map();
  const body = el("tbody");
  const heads = ["Session", "State", ...(withTenant ? ["Tenant"] : []), "Policy", "CPU", "Memory", "Idle", "Ends in"];
  const element = el("table", { class: "sessions" }, el("caption", { class: "unseen" }, "Sessions"),
    el("thead", {}, el("tr", {}, ...heads.map((head) => el("th", { scope: "col" }, head)), el("th", { scope: "col" }, el("span", { class: "unseen" }, "Actions")))),
    body);
  const show = (sessions, seriesOf) => {
    const wanted = new Set(sessions.map((session) => session.id));
    for (const [id, row] of rows) {
      if (wanted.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    sessions.forEach((session, index) => {
      const row = rows.get(session.id) ?? new Row(withTenant, changed);
      rows.set(session.id, row);
      row.show(session, seriesOf(session));
      if (body.children[index] !== row.element) body.insertBefore(row.element, body.children[index] ?? null);
    });
  };
  return { element, show };
}
