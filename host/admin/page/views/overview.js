// The pipeline at a glance: what flows, and what does not.

import { follow, get } from "../core/api.js";
import { fill, h, setText } from "../core/dom.js";
import { count, milliseconds, percent, rate } from "../core/format.js";
import { whileVisible } from "../core/poll.js";
import { componentLink, link } from "../core/router.js";
import { facts, head, healthMark, live, scroller } from "../parts/bits.js";
import { problem } from "../parts/problem.js";
import { pipelineGraph } from "../parts/graph.js";
import { table } from "../parts/table.js";
import { tellGraph } from "../shell.js";

const AGAIN_MS = 1000;

export function show(root, { signal }) {
  const totals = h("div", { class: "tiles" });
  const summary = live({ class: "live summary" });
  const wrong = h("ul", { class: "wrong" });
  const doubts = h("ul", { class: "doubts" });
  const graph = pipelineGraph();
  const components = table("All components", COLUMNS, "There are no components.");
  const fault = h("div", {});
  fill(root,
    head("Overview", h("a", { class: "button", href: link(["tap"]) }, "Watch records")),
    fault, totals, summary, wrong,
    h("h2", {}, "Pipeline"), scroller("The pipeline as a graph", graph.element), legend(), doubts,
    h("h2", {}, "Components"), components.element);

  const draw = (shown) => {
    tellGraph(shown);
    fill(fault);
    fill(totals, tiles(shown));
    const ailing = shown.nodes.filter((node) => node.health !== "ok").sort((a, b) => RANKS.indexOf(b.health) - RANKS.indexOf(a.health));
    setText(summary, words(ailing));
    if (key(ailing) !== wrong.dataset.key) {
      wrong.dataset.key = key(ailing);
      fill(wrong, ailing.map(trouble));
    }
    graph.show(shown);
    showDoubts(doubts, shown, signal);
    components.show(shown.nodes.filter((node) => node.id !== "router"));
  };
  whileVisible(AGAIN_MS, signal, (until) => follow("/api/v1/graph/stream", {}, until, draw), (reason) => fill(fault, problem(reason)));
}

const RANKS = ["ok", "paused", "lossy", "stuck", "failing", "dead"];

const COLUMNS = [
  { title: "Component", by: (node) => node.id, cell: (node) => h("a", { href: componentLink(node.id) }, node.id) },
  { title: "Type", by: (node) => node.type, cell: (node) => node.type },
  { title: "Health", by: (node) => -RANKS.indexOf(node.health), cell: (node) => healthMark(node.health) },
  { title: "In", number: true, by: (node) => node.received_per_second, cell: (node) => rate(node.received_per_second) },
  { title: "Out", number: true, by: (node) => node.sent_per_second, cell: (node) => rate(node.sent_per_second) },
  { title: "Errors", number: true, by: (node) => node.errors_per_second, cell: (node) => rate(node.errors_per_second) },
  { title: "Failed", number: true, by: (node) => node.failed_share, cell: (node) => percent(node.failed_share) },
  { title: "Dropped", number: true, by: (node) => node.dropped_per_second, cell: (node) => rate(node.dropped_per_second) },
  { title: "Lag", number: true, by: (node) => node.lag_ms, cell: (node) => milliseconds(node.lag_ms) },
  { title: "Waiting packs", number: true, by: (node) => node.queue_packs, cell: (node) => count(node.queue_packs) },
];

function tiles({ nodes }) {
  const sum = (stage, member) => nodes.filter((node) => !stage || node.stage === stage).reduce((all, node) => all + node[member], 0);
  return facts([
    ["Records in", rate(sum("inputs", "received_per_second"))],
    ["Records out", rate(sum("outputs", "sent_per_second"))],
    ["Errors", rate(sum("", "errors_per_second"))],
    ["Dropped", rate(nodes.filter((node) => node.id !== "router").reduce((all, node) => all + node.dropped_per_second, 0))],
    ["Largest lag", milliseconds(Math.max(0, ...nodes.map((node) => node.lag_ms)))],
    ["Components", `${nodes.filter((node) => node.health === "ok").length - 1} of ${nodes.length - 1} healthy`],
  ]);
}

function words(ailing) {
  if (!ailing.length) return "Everything does its work.";
  const counts = RANKS.slice(1).reverse().map((health) => [ailing.filter((node) => node.health === health).length, health]);
  return `Needs a look: ${counts.filter(([n]) => n).map(([n, health]) => `${n} ${health}`).join(", ")}.`;
}

function key(ailing) {
  return ailing.map((node) => `${node.id} ${node.health} ${steady(node)}`).join("\n");
}

/** The reason without its numbers, which change all the time. */
function steady({ reason }) {
  return reason.replace(/\d+/g, "");
}

function trouble(node) {
  const isLossy = node.health === "lossy" || node.health === "failing";
  const name = node.id.slice(node.id.indexOf(".") + 1);
  return h("li", { class: node.health }, healthMark(node.health), " ", h("a", { href: componentLink(node.id) }, node.id), ": ", node.reason || WORDS[node.health],
    isLossy ? [" ", h("a", { href: link(["dead-letters"], { component: name }) }, "Dead letters")] : null);
}

/** What is suspicious about the configuration. The host looks at its files for a second: it is asked when it has read them anew. */
async function showDoubts(list, { read_ns }, signal) {
  const read = String(read_ns);
  if (read === list.dataset.read) return;
  list.dataset.read = read;
  const told = await get("/api/v1/graph/warnings", {}, signal).then(({ warnings }) => warnings, (fault) => [fault.message]);
  if (signal.aborted || read !== list.dataset.read) return;
  fill(list, told.map((text) => h("li", {}, h("strong", {}, "Warning: "), text)));
}

const WORDS = {
  paused: "Somebody has paused it.", stuck: "Records wait, and none goes on.", dead: "It does not run.",
  lossy: "Records were dropped or failed.", failing: "Most records fail.",
};

function legend() {
  return h("p", { class: "legend" }, ["ok", "lossy", "failing", "stuck", "dead", "paused"].map((health) => healthMark(health)),
    h("span", { class: "hint" }, "Numbers are records a second, over the last five seconds."));
}
