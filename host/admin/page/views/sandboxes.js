// All scripts: whether they work, what they use.

import { all } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { bytes, count, milliseconds } from "../core/format.js";
import { every } from "../core/poll.js";
import { componentLink, keepQuery, link, sandboxLink } from "../core/router.js";
import { choice, conditionMark, field, head, limitBar, live } from "../parts/bits.js";
import { problem } from "../parts/problem.js";
import { table } from "../parts/table.js";

const REFRESH_MS = 3000;

export async function show(root, { query, signal }) {
  const text = h("input", { type: "search", value: query.text ?? "" });
  const kind = choice([["", "All"], "decoder", "filter", "encoder"], query.kind ?? "");
  const state = choice([["", "All"], ["ill", "Not running"], ["failing", "With failures"], "running", "unused"], query.state ?? "");
  const found = live();
  const fault = h("div", {});
  const list = table("Sandboxes", COLUMNS, "No sandbox is like this.");
  list.element.firstElementChild.classList.add("cards");
  let items = [];

  const draw = () => {
    const shown = items.filter((item) => fits(item, text.value.trim().toLowerCase(), kind.value, state.value));
    list.show(shown);
    const said = `${shown.length} of ${items.length} sandboxes`;
    if (found.textContent !== said) found.textContent = said;
  };
  const load = async () => {
    items = await all("/api/v1/sandboxes", { limit: 500 }, signal);
    fill(fault);
    draw();
  };
  for (const control of [text, kind, state]) {
    control.addEventListener("input", () => {
      keepQuery({ text: text.value, kind: kind.value, state: state.value });
      draw();
    });
  }
  fill(root,
    head("Sandboxes", h("a", { class: "button primary", href: link(["edit"]) }, "New script")),
    h("div", { class: "fields" }, field("Name has", text), field("Kind", kind), field("State", state)),
    found, fault, list.element);
  await load();
  every(REFRESH_MS, signal, load, (reason) => fill(fault, problem(reason)));
}

function fits({ name, plugin, kind, state, condition }, text, wantedKind, wantedState) {
  const isOfState = !wantedState || state === wantedState || (wantedState === "failing" && condition !== "ok") || (wantedState === "ill" && state !== "running" && state !== "unused");
  return (!text || name.includes(text) || plugin.includes(text)) && (!wantedKind || kind === wantedKind) && isOfState;
}

const COLUMNS = [
  { title: "Name", by: (item) => item.name, cell: (item) => h("a", { href: sandboxLink(item.kind, item.name) }, item.name) },
  { title: "Kind", by: (item) => item.kind, cell: (item) => item.kind },
  { title: "State", by: (item) => item.state, cell: (item) => conditionMark(item.state, item.condition) },
  { title: "Version", number: true, by: (item) => item.version ?? 0, cell: (item) => item.version ?? item.origin },
  { title: "Memory", by: (item) => (item.memory ? item.memory.current / item.memory.limit : -1), cell: (item) => (item.memory ? limitBar(item.memory) : "–") },
  { title: "In RAM", number: true, by: (item) => item.resident_bytes, cell: (item) => (item.resident_bytes ? bytes(item.resident_bytes) : "–") },
  { title: "CPU", number: true, by: (item) => item.cpu_ms, cell: (item) => milliseconds(item.cpu_ms) },
  { title: "Records", number: true, by: (item) => item.records_received, cell: (item) => count(item.records_received) },
  { title: "Failed", number: true, by: (item) => item.records_failed, cell: (item) => count(item.records_failed) },
  { title: "Restarts", number: true, by: (item) => item.restarts, cell: (item) => count(item.restarts) },
  { title: "Runs in", cell: (item) => (item.components.length ? item.components.map((id) => [h("a", { href: componentLink(id) }, id), " "]) : "–") },
];
