// A small line of a figure's last minutes against its limit.

import { svg } from "./dom.js";

const WIDTH = 110, HEIGHT = 26;

/** An element whose `draw(line, limit, label)` shows [[x, y]], x from 0 to 1; the top is the limit, where there is one. */
export function sparkline() {
  const area = svg("path", { class: "spark-area" });
  const stroke = svg("path", { class: "spark-line" });
  const bound = svg("line", { class: "spark-limit", x1: 0, x2: WIDTH, y1: 1, y2: 1 });
  const element = svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" }, area, stroke, bound);
  element.draw = (line, limit, label) => {
    const top = limit ?? Math.max(...line.map(([, y]) => y), 0) * 1.25;
    const place = ([x, y]) => `${(Math.max(0, x) * WIDTH).toFixed(1)} ${(HEIGHT - 1 - Math.min(1, top > 0 ? y / top : 0) * (HEIGHT - 2)).toFixed(1)}`;
    const path = line.length > 1 ? `M${line.map(place).join("L")}` : "";
    stroke.setAttribute("d", path);
    area.setAttribute("d", path && `${path}V${HEIGHT}H${(Math.max(0, line[0][0]) * WIDTH).toFixed(1)}Z`);
    bound.style.display = limit == null || line.length === 0 ? "none" : "";
    element.classList.toggle("spark-high", limit > 0 && line.length > 0 && line.at(-1)[1] > 0.9 * limit);
    element.setAttribute("aria-label", label);
  };
  return element;
}
