// Charts of a session's figures over its last hour, by uPlot, which came with the page.

import { el, setText } from "./dom.js";
import { bytes, cpus, ofLimit } from "./format.js";

const HOUR = 3600, LEAST = 60; // seconds
const BINARY = [...Array(45).keys()].map((power) => 2 ** power);

function colour(name) {
  return () => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };

/** One chart: lines of the same unit over time, and their limit where there is one. */
class Chart {
  constructor(title, names, format, { limited = true, increments } = {}) {
    this.limited = limited;
    this.increments = increments;
    this.format = format;
    this.names = names;
    this.figure = el("span", { class: "value" }, "–");
    this.plot = el("div", { class: "plot", role: "img", "aria-label": title });
    this.title = title;
    this.element = el("div", { class: "card chart" }, el("div", { class: "toolbar" }, el("h2", {}, title), this.figure), this.plot);
  }

  /** `data` is uPlot's: times, then the values of each line. */
  show(data, last, limit) {
    const text = last.every((value) => value == null) ? "not measured"
      : this.names.length > 1 ? last.map((value, index) => `${this.names[index]} ${this.format(value)}`).join(" · ")
        : ofLimit(last[0], limit, this.format);
    setText(this.figure, text);
    this.plot.setAttribute("aria-label", `${this.title}: ${text}`);
    const shown = this.limited ? [...data, data[0].map(() => limit)] : data;
    if (this.uplot) this.uplot.setData(shown);
    else this.#make(shown);
  }

  #make(data) {
    const axis = { stroke: colour("--muted"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "11px system-ui, sans-serif" };
    const format = (_, value) => this.format(value);
    const bound = { label: "limit", value: format, stroke: colour("--limit"), dash: [6, 4], width: 1.25, points: { show: false } };
    const lines = this.names.map((label, index) => ({ label, value: format, width: 1.75, stroke: colour(`--series-${index + 1}`),
      fill: this.names.length > 1 ? undefined : colour("--series-fill"), spanGaps: false, points: { show: false } }));
    this.uplot = new uPlot({
      width: this.plot.clientWidth || 400, height: 190, cursor: { y: false },
      scales: { x: { range: (_, min, max) => [Math.min(min, max - LEAST), max] }, y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : 1] } },
      axes: [{ ...axis, space: 90, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString([], CLOCK)) }, { ...axis, size: 70, incrs: this.increments, values: (_, ticks) => ticks.map((tick) => this.format(tick)) }],
      series: [{ label: "Time" }, ...lines, ...(this.limited ? [bound] : [])],
    }, data, this.plot);
  }

  resize() {
    this.uplot?.setSize({ width: this.plot.clientWidth, height: 190 });
  }

  redraw() {
    this.uplot?.redraw(false);
  }
}

function percent(value) {
  return value == null ? "–" : `${value.toFixed(1)} %`;
}

/** The three charts; `seed` takes GET …/stats?history=1, `add` each event of ?follow=1. */
export class Charts {
  #points = []; // {at, cpu, memory, pressure: [memory, cpu, io]}
  #before = null; // {at, used} of the event before

  constructor(signal) {
    this.cpu = new Chart("CPU", ["CPUs"], cpus);
    this.memory = new Chart("Memory", ["memory"], bytes, { increments: BINARY });
    this.pressure = new Chart("Stalls (PSI)", ["memory", "CPU", "I/O"], percent, { limited: false });
    this.all = [this.cpu, this.memory, this.pressure];
    this.element = el("div", { class: "charts" }, ...this.all.map((chart) => chart.element));
    const observer = new ResizeObserver(() => this.all.forEach((chart) => chart.resize()));
    observer.observe(this.element);
    signal.addEventListener("abort", () => { observer.disconnect(); this.all.forEach((chart) => chart.uplot?.destroy()); }, { once: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.all.forEach((chart) => chart.redraw()), { signal });
  }

  seed(stats) {
    const history = stats.history;
    const end = Date.parse(history.ends_at ?? stats.sampled_at) / 1000;
    this.#points = history.cpus.map((cpu, index) => ({
      at: end - (history.cpus.length - 1 - index) * history.interval_seconds, cpu, memory: history.memory_bytes[index],
      pressure: [history.memory_pressure_percent[index], history.cpu_pressure_percent[index], history.io_pressure_percent[index]],
    }));
  }

  add(stats) {
    if (!stats.sampled_at) return;
    const at = Date.parse(stats.sampled_at) / 1000, used = stats.cpu.used_seconds;
    const before = this.#before;
    this.#before = { at, used };
    if (before && at <= before.at) return;
    const cpu = before?.used != null && used != null ? Math.max(0, used - before.used) / (at - before.at) : null;
    const { memory_some_avg10_percent: memory, cpu_some_avg10_percent: ofCpu, io_some_avg10_percent: io } = stats.pressure;
    this.#points.push({ at, cpu, memory: stats.memory.current_bytes, pressure: [memory, ofCpu, io] });
    while (this.#points[0].at < at - HOUR) this.#points.shift();
    this.#draw(stats);
  }

  #draw(stats) {
    const points = this.#points, last = points.at(-1);
    const times = points.map((point) => point.at);
    this.cpu.show([times, points.map((point) => point.cpu)], [last.cpu], stats.cpu.limit_cpus);
    this.memory.show([times, points.map((point) => point.memory)], [last.memory], stats.memory.limit_bytes);
    this.pressure.show([times, ...[0, 1, 2].map((kind) => points.map((point) => point.pressure[kind]))], last.pressure, null);
  }
}
