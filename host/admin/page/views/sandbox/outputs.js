// What a filter has injected for people to see: graphs of circular buffers, tables, text.

import { get } from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { moment } from "../../core/format.js";
import { keepQuery } from "../../core/router.js";
import { block, choice, field } from "../../parts/bits.js";
import { parseCbuf } from "../../parts/cbuf.js";
import { chart, rows } from "../../parts/chart.js";

const RANGES = [[0, "Everything"], [300, "5 minutes"], [3600, "1 hour"], [21600, "6 hours"], [86400, "1 day"]];

export async function show(content, context) {
  const { path, kind, query, signal } = context;
  const load = async () => (await get(`${path}/outputs`, { kind }, signal)).items;
  let items = await load();
  if (!items.length) {
    fill(content, h("p", { class: "empty" }, "It has injected no payload yet. inject_payload(\"cbuf\", name, tostring(buffer)) makes a graph."));
    return;
  }
  const names = items.map((item) => item.name);
  const wanted = choice(names, query.output ?? names.find((name) => itemOf(name)?.type === "cbuf") ?? names[0]);
  const place = h("div", {});
  let close = () => {};
  let update = () => {};
  function itemOf(name) {
    return items.find((item) => item.name === name);
  }
  const draw = async (kept) => {
    close();
    const item = itemOf(wanted.value);
    const buffer = item.type === "cbuf" ? parseCbuf(item.payload) : null;
    const made = buffer ? await graph(buffer, item, kept) : text(item);
    ({ close, update } = made);
    fill(place, made.element);
    made.shown?.();
  };
  wanted.addEventListener("change", () => {
    keepQuery({ output: wanted.value });
    draw({});
  });
  context.refresh = async () => {
    items = await load();
    const item = itemOf(wanted.value);
    if (item) update(item);
  };
  signal.addEventListener("abort", () => close());
  fill(content, field("Output", wanted), place);
  await draw(query);
  context.root.addEventListener("shown", () => draw(query), { once: true });
}

function text(item) {
  const shown = block(pretty(item), item.name);
  const when = h("p", { class: "hint" }, moment(item.time_ns));
  return {
    element: h("div", {}, when, shown), close() {},
    update(now) {
      when.textContent = moment(now.time_ns);
      shown.textContent = pretty(now);
    },
  };
}

function pretty({ type, payload, truncated }) {
  let shown = payload;
  if (type === "json" || type === "table") {
    try {
      shown = JSON.stringify(JSON.parse(payload), null, 2);
    } catch {
      shown = payload;
    }
  }
  return truncated ? `${shown}\n… cut` : shown;
}

/** A graph with what can be set; all of it stands in the address, so that a link shows the same. */
async function graph(buffer, { name }, kept) {
  let now = buffer;
  const how = {
    log: kept.log === "1", last: Number(kept.last) || 0, from: Number(kept.from) || 0, to: Number(kept.to) || 0,
    hidden: new Set((kept.hidden ?? "").split(",").filter(Boolean).map((column) => now.columns.findIndex((each) => each.name === column))),
  };
  const log = h("input", { type: "checkbox", id: "log-scale", checked: how.log });
  const range = choice(RANGES.map(([value, title]) => [String(value), title]), String(how.last));
  const notes = h("ul", { class: "annotation" });
  const table = h("details", {});
  const drawn = () => {
    const end = now.times.at(-1) + now.secondsPerRow;
    return { ...how, from: how.last ? end - how.last : how.from, to: how.last ? end : how.to };
  };
  const remember = () => keepQuery({
    output: name, log: how.log ? 1 : "", last: how.last || "", from: how.from ? Math.round(how.from) : "", to: how.to ? Math.round(how.to) : "",
    hidden: [...how.hidden].map((column) => now.columns[column]?.name).join(","),
  });
  const made = await chart(now, (from, to) => set({ from, to, last: 0 }), (column, isShown) => {
    if (isShown) how.hidden.delete(column);
    else how.hidden.add(column);
    remember();
  });
  const redraw = () => {
    made.draw(now, drawn());
    fill(notes, now.annotations.slice(-20).map((each) => h("li", {}, h("strong", {}, each.type), ` ${new Date(each.time * 1000).toLocaleString()}, ${now.columns[each.column]?.name ?? ""}: ${each.text}`)));
    if (table.open) fill(table, h("summary", {}, "As a table"), rows(now));
  };
  const set = (changes) => {
    Object.assign(how, changes);
    range.value = String(how.last);
    remember();
    redraw();
  };
  fill(table, h("summary", {}, "As a table"));
  table.addEventListener("toggle", redraw);
  log.addEventListener("change", () => set({ log: log.checked }));
  range.addEventListener("change", () => set({ last: Number(range.value), from: 0, to: 0 }));
  const copy = h("button", { type: "button", on: { click: () => navigator.clipboard.writeText(location.href).then(() => { copy.textContent = "Copied"; }, () => {}) } }, "Copy the link");
  const element = h("div", { class: "card" },
    h("div", { class: "fields" }, field("Range", range), h("div", { class: "field" }, h("label", { class: "check", for: "log-scale" }, log, "Logarithmic scale")), h("div", { class: "field" }, h("span", { class: "hint" }, "The address is a link to what is shown."), h("div", {}, copy))),
    made.element,
    h("p", { class: "hint" }, `Rows of ${now.secondsPerRow} s. Drag over the graph to choose a range; a name in the legend hides its line.`),
    notes, table);
  return {
    element, close: made.destroy, shown: redraw,
    update(item) {
      const next = parseCbuf(item.payload);
      if (next && !element.matches(":active")) {
        now = next;
        redraw();
      }
    },
  };
}
