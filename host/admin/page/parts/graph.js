// The pipeline as a graph. Its columns are given: inputs, decoders, router, filters and encoders, outputs.

import { fill, svg } from "../core/dom.js";
import { milliseconds, rate } from "../core/format.js";
import { componentLink } from "../core/router.js";
import { sign } from "./bits.js";

const WIDTH = 162;
const HEIGHT = 62;
const GAP_X = 58;
const GAP_Y = 18;
const MARGIN = 6;
const COLUMNS = { inputs: 0, decoders: 1, router: 2, filters: 3, encoders: 3, outputs: 4 };
const RANKS = ["ok", "paused", "lossy", "stuck", "failing", "dead"];
const MOST_OF_A_STAGE = 24;
const MOST_CHARACTERS = 19;

/** A graph that can be shown again and again; what is in focus stays so. */
export function pipelineGraph() {
  const element = svg("svg", { class: "pipeline", role: "group", "aria-label": "Pipeline" });
  let parts = null;
  return {
    element,
    show({ nodes, edges }) {
      const shown = fold(nodes);
      const names = shown.map((node) => node.id).join(" ");
      if (parts?.names !== names) {
        parts = { names, ...draw(element, shown, edges) };
      }
      for (const node of shown) parts.nodes.get(node.id)(node);
      for (const edge of edges) parts.edges.get(`${edge.source} ${edge.target}`)?.(edge);
    },
  };
}

/** Of a stage with very many components only those are drawn that need a look, and the busiest. */
function fold(nodes) {
  const worth = (node) => RANKS.indexOf(node.health) * 1e12 + node.received_per_second;
  const kept = new Set(["router"]);
  for (const stage of ["inputs", "filters", "outputs"]) {
    const all = nodes.filter((node) => node.stage === stage);
    const best = all.length > MOST_OF_A_STAGE ? [...all].sort((a, b) => worth(b) - worth(a)).slice(0, MOST_OF_A_STAGE) : all;
    best.forEach((node) => kept.add(`${PAIRS[stage]} ${node.name}`));
  }
  return nodes.filter((node) => node.id === "router" || kept.has(`${PAIRS[node.stage]} ${node.name}`));
}

const PAIRS = { inputs: "in", decoders: "in", filters: "filters", encoders: "out", outputs: "out" };

function draw(element, nodes, edges) {
  const { places, width, height } = layout(nodes);
  element.setAttribute("viewBox", `0 0 ${width} ${height}`);
  element.setAttribute("width", width);
  element.setAttribute("height", height);
  const updates = { nodes: new Map(), edges: new Map() };
  const lines = svg("g", { class: "edges", "aria-hidden": "true" });
  const boxes = svg("g", {});
  for (const edge of edges) {
    const from = places.get(edge.source);
    const to = places.get(edge.target);
    if (!from || !to) continue;
    const { shape, update } = line(from, to);
    lines.append(shape);
    updates.edges.set(`${edge.source} ${edge.target}`, update);
  }
  for (const node of nodes) {
    const { shape, update } = box(node, places.get(node.id));
    boxes.append(shape);
    updates.nodes.set(node.id, update);
  }
  fill(element, lines, boxes);
  return updates;
}

/** Where each node is. Decoders are beside their inputs, encoders beside their outputs, the filters above these. */
function layout(nodes) {
  const rows = (stage) => nodes.filter((node) => node.stage === stage).map((node) => node.name);
  const inputs = rows("inputs");
  const filters = rows("filters");
  const outputs = rows("outputs");
  const right = filters.length + outputs.length;
  const most = Math.max(inputs.length, right, 1);
  const step = HEIGHT + GAP_Y;
  const leftTop = ((most - inputs.length) * step) / 2;
  const rightTop = ((most - right) * step) / 2;
  const height = most * step - GAP_Y + 2 * MARGIN;
  const row = (node) => {
    if (node.stage === "inputs" || node.stage === "decoders") return leftTop + inputs.indexOf(node.name) * step;
    if (node.stage === "filters") return rightTop + filters.indexOf(node.name) * step;
    return rightTop + (filters.length + outputs.indexOf(node.name)) * step;
  };
  const places = new Map(nodes.map((node) => {
    const x = MARGIN + COLUMNS[node.stage] * (WIDTH + GAP_X);
    return [node.id, node.id === "router"
      ? { x: x + WIDTH / 3, y: MARGIN, width: WIDTH / 3, height: height - 2 * MARGIN, stage: "router" }
      : { x, y: MARGIN + row(node), width: WIDTH, height: HEIGHT, stage: node.stage }];
  }));
  return { places, width: 5 * WIDTH + 4 * GAP_X + 2 * MARGIN, height };
}

function box(node, { x, y, width, height }) {
  const isRouter = node.id === "router";
  const state = svg("text", { x: width - 10, y: 21, "text-anchor": "end", class: "sign" });
  const flow = svg("text", isRouter ? { x: width / 2, y: height / 2 + 18, "text-anchor": "middle" } : { x: 10, y: 52 });
  const title = svg("title", {});
  const shape = svg("a", { href: componentLink(node.id), transform: `translate(${x} ${y})`, class: "node" },
    svg("rect", { width, height, rx: 9 }, title),
    isRouter
      ? svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle", class: "name" }, "router")
      : [svg("text", { x: 10, y: 21, class: "name" }, shortened(node.name)),
         svg("text", { x: 10, y: 37, class: "type" }, shortened(`${node.stage.slice(0, -1)} · ${node.type}`, 25))],
    isRouter ? null : state, flow);
  const update = (now) => {
    shape.setAttribute("class", `node ${now.health}`);
    state.textContent = now.health === "ok" ? "" : `${sign(now.health)} ${now.health}`;
    flow.textContent = flowText(now);
    const words = `${now.id}: ${now.health}. ${now.reason} In ${rate(now.received_per_second)}, out ${rate(now.sent_per_second)}.`;
    title.textContent = words;
    shape.setAttribute("aria-description", now.reason);
  };
  return { shape, update };
}

function flowText(node) {
  if (node.id === "router") return rate(node.received_per_second);
  const troubles = [
    node.errors_per_second ? `${rate(node.errors_per_second)} err` : "",
    node.dropped_per_second ? `${rate(node.dropped_per_second)} drop` : "",
    node.lag_ms >= 1000 ? `lag ${milliseconds(node.lag_ms)}` : "",
  ].filter(Boolean);
  return troubles.length ? troubles.slice(0, 2).join(", ") : rate(node.received_per_second);
}

/** An edge: a curve as thick as its rate, and the rate beside it. What a filter injects goes back below what it gets. */
function line(from, to) {
  const isBack = to.stage === "router" && from.stage === "filters";
  const middle = (place, shift) => place.y + place.height / 2 + shift;
  const shift = isBack ? 14 : to.stage === "filters" ? -8 : 0;
  const start = { x: isBack ? from.x : from.x + from.width, y: from.stage === "router" ? middle(to, shift) : middle(from, shift) };
  const end = { x: isBack ? to.x + to.width : to.x, y: to.stage === "router" ? middle(from, shift) : middle(to, shift) };
  const half = (start.x + end.x) / 2;
  const path = svg("path", { d: `M${start.x} ${start.y} C${half} ${start.y} ${half} ${end.y} ${end.x} ${end.y}` });
  const label = svg("text", { x: half, y: (start.y + end.y) / 2 + (isBack ? 13 : -5), "text-anchor": "middle" });
  const arrow = svg("path", { class: "arrow", d: isBack ? `M${end.x + 7} ${end.y - 4} l-7 4 l7 4` : `M${end.x - 7} ${end.y - 4} l7 4 l-7 4` });
  const update = ({ records_per_second: now }) => {
    path.setAttribute("stroke-width", now ? 1.2 + Math.min(5, Math.log10(1 + now)) : 1);
    path.setAttribute("class", now ? "flows" : "");
    label.textContent = now ? rate(now) : "";
  };
  return { shape: svg("g", {}, path, arrow, label), update };
}

function shortened(text, most = MOST_CHARACTERS) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
