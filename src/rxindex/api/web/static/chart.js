// Bar charts of runs. Each has a title and a description; the table of runs has the numbers.

import { draw, make } from "./dom.js";

const WIDTH = 640;
const HEIGHT = 180;
const LEFT = 56;
const BOTTOM = 24;
const TOP = 14;
/** A bar may not be wider than this: two runs are not a wall. */
const WIDEST = 28;

/**
 * Make a chart with a bar for each run, the oldest at the left.
 *
 * @param {string} id - for the ids within.
 * @param {string} title
 * @param {{label: string, parts: {value: number, kind: string}[], sign: string}[]} bars - `label`
 *   is shown for a bar that is pointed at; `parts` are stacked; `sign` stands above it.
 * @param {(value: number) => string} write - a value of the axis.
 * @param {{kind: string, name: string}[]} legend - of the parts; empty where there is one kind.
 */
export function makeChart(id, title, bars, write, legend = []) {
  const top = roundUp(Math.max(...bars.map(sum), 0));
  const chart = draw(
    "svg",
    {
      class: "chart",
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: "img",
      "aria-labelledby": `${id}-title ${id}-says`,
    },
    draw("title", { id: `${id}-title` }, title),
    draw("desc", { id: `${id}-says` }, describe(bars, write)),
    [0, top / 2, top].map((value) => gridLine(value, top, write)),
    bars.map((bar, place) => drawBar(bar, place, bars.length, top)),
    draw("text", { x: LEFT, y: HEIGHT - 6 }, bars.length > 1 ? "oldest" : ""),
    draw("text", { x: WIDTH, y: HEIGHT - 6, "text-anchor": "end" }, "newest"),
  );
  return make(
    "figure",
    {},
    make("figcaption", {}, title),
    chart,
    legend.length > 0 &&
      make(
        "ul",
        { class: "legend" },
        legend.map(({ kind, name }) => make("li", { class: kind }, name)),
      ),
  );
}

function describe(bars, write) {
  const values = bars.map(sum);
  return (
    `${bars.length} runs, from ${write(Math.min(...values))} to ${write(Math.max(...values))}; ` +
    `the newest ${write(values[values.length - 1])}.`
  );
}

function gridLine(value, top, write) {
  const y = height(value, top);
  return [
    draw("line", { class: "grid", x1: LEFT, x2: WIDTH, y1: y, y2: y }),
    draw("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, write(value)),
  ];
}

function drawBar(bar, place, many, top) {
  const step = (WIDTH - LEFT) / many;
  const width = Math.min(step * 0.72, WIDEST);
  const x = LEFT + step * (place + 0.5) - width / 2;
  let below = 0;
  const parts = bar.parts.map(({ value, kind }) => {
    const from = height(below, top);
    below += value;
    const to = height(below, top);
    return draw("rect", { class: kind, x, width, y: to, height: Math.max(from - to, 0) });
  });
  return draw(
    "g",
    { class: "bar-of-run" },
    draw("title", {}, bar.label),
    parts,
    bar.sign &&
      draw(
        "text",
        { class: "sign", x: x + width / 2, y: height(below, top) - 4, "text-anchor": "middle" },
        bar.sign,
      ),
  );
}

function sum(bar) {
  return bar.parts.reduce((all, { value }) => all + value, 0);
}

function height(value, top) {
  return HEIGHT - BOTTOM - ((HEIGHT - BOTTOM - TOP) * value) / top;
}

/** Give the next of 1, 2, 5, 10, 20, ... */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return power * ([1, 2, 5].find((factor) => factor * power >= value) ?? 10);
}
