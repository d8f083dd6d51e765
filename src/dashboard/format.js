// Figures as people read them.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** 1610612736 to "1.50 GiB"; what is not measured is a dash. */
export function bytes(value) {
  if (value == null) return "–";
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toPrecision(3)} ${UNITS[unit]}`;
}

export function cpus(value) {
  return value == null ? "–" : value < 10 ? value.toFixed(2) : value.toFixed(1);
}

/** Seconds as "3 m 20 s": the two greatest units. */
export function duration(seconds) {
  if (seconds == null || Number.isNaN(seconds)) return "–";
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [["d", Math.floor(whole / 86400)], ["h", Math.floor(whole / 3600) % 24],
    ["m", Math.floor(whole / 60) % 60], ["s", whole % 60]];
  const first = parts.findIndex(([, count]) => count > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([, count]) => count > 0).map(([unit, count]) => `${count} ${unit}`).join(" ");
}

export function since(time) {
  return time == null ? null : (Date.now() - Date.parse(time)) / 1000;
}

export function until(time) {
  return time == null ? null : (Date.parse(time) - Date.now()) / 1000;
}

export function clock(time) {
  return time == null ? "–" : new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** Of a value and its limit, or of the value alone. */
export function ofLimit(value, limit, format) {
  return limit == null ? format(value) : `${format(value)} of ${format(limit)}`;
}
