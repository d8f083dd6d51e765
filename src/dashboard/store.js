// Figures of sessions over the last minutes, for sparklines.

const WINDOW = 600, LEAST = 60; // seconds
const SPAN = 8; // CPU is an average over so many seconds, as the server's own readings are a second apart

/** One session's points, oldest first: {at (seconds since 1970), cpu (CPUs), memory (bytes)}; null: not measured. */
export class Series {
  points = [];
  #readings = [];

  /** From the history of GET …/stats?history=1. */
  seed(history) {
    if (!history?.ends_at) return;
    const end = Date.parse(history.ends_at) / 1000;
    const older = history.cpus.map((cpu, index) => ({
      at: end - (history.cpus.length - 1 - index) * history.interval_seconds, cpu, memory: history.memory_bytes[index],
    }));
    const first = this.points[0]?.at ?? Infinity;
    this.points = [...older.filter((point) => point.at < first), ...this.points];
    this.#prune();
  }

  /** From the usage of a session as it is now. */
  add(usage, now = Date.now() / 1000) {
    let cpu = null;
    if (usage.cpu_seconds != null) {
      if (this.#readings.at(-1)?.used > usage.cpu_seconds) this.#readings = []; // another engine, which began at 0
      this.#readings.push({ at: now, used: usage.cpu_seconds });
      while (this.#readings.length > 2 && this.#readings[1].at <= now - SPAN) this.#readings.shift();
      const since = this.#readings[0];
      if (now - since.at >= 1) cpu = Math.max(0, (usage.cpu_seconds - since.used) / (now - since.at));
    }
    this.points.push({ at: now, cpu, memory: usage.memory_bytes });
    this.#prune();
  }

  get last() {
    return this.points.at(-1);
  }

  /** [[x, y]] with x from 0 (the first that is known, at most ten minutes ago) to 1 (now), of one figure, without the gaps. */
  line(figure, now = Date.now() / 1000) {
    const window = Math.max(LEAST, Math.min(WINDOW, now - (this.points[0]?.at ?? now)));
    return this.points.filter((point) => point[figure] != null).map((point) => [1 - (now - point.at) / window, point[figure]]);
  }

  #prune() {
    const from = Date.now() / 1000 - WINDOW;
    while (this.points.length > 1 && this.points[0].at < from) this.points.shift();
  }
}
