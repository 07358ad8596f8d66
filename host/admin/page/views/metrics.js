// All metrics, each explained in words, with its values.

import { get } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { bytes, count, seconds } from "../core/format.js";
import { every } from "../core/poll.js";
import { keepQuery } from "../core/router.js";
import { parseMetrics } from "../parts/prometheus.js";
import { field, head, scroller } from "../parts/bits.js";
import { problem } from "../parts/problem.js";

const REFRESH_MS = 5000;
/** What a value may mean; what a metric is, the host says itself. */
const READING = {
  hekate_component_queue_packs: "A queue that stays full holds up what comes before it.",
  hekate_component_lag_seconds: "Rises as long as something waits and is not taken: look at the component that it is of.",
  hekate_component_errors_total: "Rising means that records fail just now. What was not decoded or delivered, and what a sandbox died of, is among the dead letters; what a script refused is in the log.",
  hekate_component_dropped_records_total: "Records that nobody will see again, unless they are among the dead letters.",
  hekate_component_restarts_total: "A sandbox that ends time and again; its page shows the last termination.",
  hekate_component_retries_total: "An output that cannot deliver tries again; nothing is lost as long as it does.",
  hekate_sandbox_memory_bytes: "Compare it with memory_limit on the page of the sandbox.",
  hekate_sandbox_cpu_seconds_total: "Its increase per second is the share of one processor.",
  hekate_component_truncated_records_total: "Records longer than max_record_bytes of their input.",
};

export async function show(root, { query, signal }) {
  const text = h("input", { type: "search", value: query.text ?? "" });
  const list = h("div", {});
  const fault = h("div", {});
  const opened = new Set();
  let families = [];
  const draw = () => {
    const wanted = text.value.trim().toLowerCase();
    fill(list, families
      .map((family) => ({ ...family, samples: family.samples.filter((each) => !wanted || `${family.name} ${family.help} ${Object.values(each.labels).join(" ")}`.toLowerCase().includes(wanted)) }))
      .filter((family) => family.samples.length)
      .map((family) => one(family, opened)));
  };
  const load = async () => {
    families = parseMetrics(await get("/metrics", {}, signal));
    fill(fault);
    if (!list.contains(document.activeElement)) draw();
  };
  text.addEventListener("input", () => {
    keepQuery({ text: text.value });
    draw();
  });
  fill(root,
    head("Metrics", h("a", { class: "button", href: "/docs" }, "For Prometheus: GET /metrics")),
    h("p", { class: "hint" }, "Counters (…_total) only rise, and begin at 0 with the host; gauges show what is now. Only values other than 0 are listed."),
    field("Find", text), fault, list);
  await load();
  every(REFRESH_MS, signal, load, (reason) => fill(fault, problem(reason)));
}

function one({ name, help, type, samples }, opened) {
  const nonzero = samples.filter((each) => each.value !== 0);
  const total = nonzero.reduce((sum, each) => sum + each.value, 0);
  const details = h("details", { class: "card", open: opened.has(name) },
    h("summary", {}, h("code", {}, name), ` – ${help} `, h("span", { class: "tag" }, type), " ", h("strong", {}, inWords(name, total))),
    READING[name] ? h("p", {}, READING[name]) : null,
    nonzero.length ? scroller(`Values of ${name}`, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Of"), h("th", { scope: "col", class: "number" }, "Value"))),
      h("tbody", {}, nonzero.map(({ labels, value }) => h("tr", {}, h("th", { scope: "row" }, labelled(labels)), h("td", { class: "number" }, inWords(name, value))))))) : h("p", { class: "empty" }, "All are 0."));
  details.addEventListener("toggle", () => (details.open ? opened.add(name) : opened.delete(name)));
  return details;
}

function labelled({ kind = "", name = "", type, ...rest }) {
  const more = Object.entries(rest).map(([key, value]) => `${key} ${value.replaceAll("_", " ")}`).join(", ");
  return [`${kind}.${name}`, type && type !== name ? h("span", { class: "hint" }, ` ${type}`) : "", more ? `: ${more}` : ""];
}

function inWords(name, value) {
  if (/_bytes(_total)?$/.test(name)) return bytes(value);
  return /_seconds(_total)?$/.test(name) ? seconds(value) : count(value);
}
