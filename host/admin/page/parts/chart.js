// The graphs of circular buffers: uPlot, or a table where the bundles were not built.

import { h } from "../core/dom.js";
import { count } from "../core/format.js";
import { scroller } from "./bits.js";

const COLOURS = ["#0f766e", "#c2410c", "#6d28d9", "#0369a1", "#a16207", "#be185d", "#4d7c0f", "#475569"];
const BRIGHT = ["#2dd4bf", "#fb923c", "#c4b5fd", "#38bdf8", "#facc15", "#f472b6", "#a3e635", "#cbd5e1"];
const HEIGHT = 300;
let bundle;

function uplot() {
  bundle ??= import("../vendor/charts.js").then(withStyle, () => null);
  return bundle;
}

function withStyle(module) {
  document.head.append(h("link", { rel: "stylesheet", href: "vendor/charts.css" }));
  return module;
}

/**
 * A chart of a circular buffer.
 *
 * @param {object} buffer as `cbuf.js` reads it
 * @param {(from: number, to: number) => void} onRange somebody has chosen a range, in seconds since 1970
 * @param {(column: number, isShown: boolean) => void} onToggle somebody has hidden or shown a column
 * @returns what has `draw(buffer, {log, from, to, hidden})`: the scale, the range (0: all), which columns are not shown
 */
export async function chart(buffer, onRange, onToggle) {
  const element = h("div", { class: "chart", role: "img", "aria-label": words(buffer) });
  const code = await uplot();
  if (!code) return { element: h("div", {}, notBuilt(), rows(buffer)), draw() {}, destroy() {} };
  let made = null;
  const draw = (shown, choice) => {
    if (!element.isConnected) return;
    made?.destroy();
    made = new code.uPlot(options(code.uPlot, shown, choice, element.clientWidth, onRange, onToggle), data(shown, choice), element);
  };
  const watcher = new ResizeObserver(() => made?.setSize({ width: Math.max(300, element.clientWidth), height: HEIGHT }));
  watcher.observe(element);
  return { element, draw, destroy: () => { watcher.disconnect(); made?.destroy(); } };
}

function data({ times, columns }, { log }) {
  return [times, ...columns.map((column) => column.values.map((value) => (log && value !== null && value <= 0 ? null : value)))];
}

function options(UPlot, { columns, annotations }, { log, from, to, hidden }, width, onRange, onToggle) {
  const style = getComputedStyle(document.documentElement);
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = document.documentElement.dataset.theme;
  const colours = theme === "dark" || (theme !== "light" && isDark) ? BRIGHT : COLOURS;
  const axis = { stroke: resolved(style, "--dim"), grid: { stroke: resolved(style, "--line"), width: 1 }, ticks: { stroke: resolved(style, "--line"), width: 1 } };
  return {
    width: Math.max(300, width), height: HEIGHT,
    scales: { x: from && to ? { min: from, max: to } : {}, y: { distr: log ? 3 : 1 } },
    axes: [axis, axis],
    series: [{}, ...columns.map((column, place) => ({
      label: `${column.name} (${column.unit})`, stroke: colours[place % colours.length], width: 1.7, spanGaps: false,
      show: !hidden.has(place), value: (_, value) => (value === null ? "–" : count(value)),
    }))],
    hooks: {
      setSelect: [(plot) => {
        if (plot.select.width > 0) onRange(plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x"));
      }],
      setSeries: [(_, place, change) => { if ("show" in change && place) onToggle(place - 1, change.show); }],
      draw: [(plot) => annotations.forEach((each) => drawAnnotation(plot, each, resolved(style, each.type === "alert" ? "--dead" : "--accent")))],
    },
    cursor: { drag: { x: true, y: false } },
  };
}

/** A colour as a canvas can use it: `light-dark()` is resolved by an element that has it. */
function resolved(style, name) {
  const probe = document.body.appendChild(h("span", {}));
  probe.style.color = style.getPropertyValue(name);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function drawAnnotation(plot, { time }, colour) {
  const x = Math.round(plot.valToPos(time, "x", true));
  const { left, top, width, height } = plot.bbox;
  if (x < left || x > left + width) return;
  plot.ctx.save();
  plot.ctx.strokeStyle = colour;
  plot.ctx.setLineDash([4, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(x, top);
  plot.ctx.lineTo(x, top + height);
  plot.ctx.stroke();
  plot.ctx.restore();
}

function words({ columns, times }) {
  const lasts = columns.map((column) => `${column.name} ${count(column.values.findLast((value) => value !== null) ?? null)}`);
  return `Graph of ${times.length} rows; the last values: ${lasts.join(", ")}`;
}

function notBuilt() {
  return h("p", { class: "notice" },
    "The charts were not built into this installation: scripts/build_page makes them, with npm. A table takes their place.");
}

/** The same as a table, for whoever cannot see the chart. */
export function rows({ times, columns }) {
  const known = times.map((time, row) => [time, columns.map((column) => column.values[row])]).filter(([, values]) => values.some((value) => value !== null));
  return scroller("The rows of the graph", h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Time"), columns.map((column) => h("th", { scope: "col", class: "number" }, `${column.name} (${column.unit})`)))),
    h("tbody", {}, known.slice(-200).reverse().map(([time, values]) => h("tr", {},
      h("th", { scope: "row" }, new Date(time * 1000).toLocaleString()), values.map((value) => h("td", { class: "number" }, count(value))))))));
}
