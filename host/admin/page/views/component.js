// One component of the pipeline, and why it does what it does.

import { get, post } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { bytes, count, milliseconds } from "../core/format.js";
import { every } from "../core/poll.js";
import { componentLink, link, sandboxLink } from "../core/router.js";
import { action } from "../parts/action.js";
import { conditionMark, facts, head, scroller } from "../parts/bits.js";
import { failureReport } from "../parts/failures.js";
import { problem } from "../parts/problem.js";
import { say } from "../parts/toast.js";

const REFRESH_MS = 2000;
const KINDS = { decoders: "decoder", filters: "filter", encoders: "encoder" };
const LETTERS = { ...KINDS, inputs: "inputs", outputs: "outputs" };
const SIBLINGS = { inputs: "decoders", decoders: "inputs", encoders: "outputs", outputs: "encoders" };

export async function show(root, { parts: [stage, name], signal }) {
  const path = `/api/v1/${encodeURIComponent(stage)}/${encodeURIComponent(name)}`;
  const id = `${stage}.${name}`;
  const buttons = h("div", { class: "buttons" });
  const shown = h("div", {});
  const fault = h("div", {});
  let state = "";
  const load = async () => {
    const component = await get(path, {}, signal);
    fill(fault);
    fill(shown, body(component));
    if (component.state !== state) fill(buttons, actions(component));
    ({ state } = component);
  };
  const act = (verb, label, done) => action({ label, role: "operator", run: async () => {
    await post(`${path}/${verb}`);
    say(`${id} was ${done}.`);
    await load();
  } });
  const actions = (component) => [
    component.state === "paused" ? act("resume", "Resume", "resumed") : act("pause", "Pause", "paused"),
    ["decoders", "filters", "outputs"].includes(stage) ? h("a", { class: "button", href: link(["tap"], { point: id }) }, "Watch records") : null,
  ];
  await load();
  fill(root, head(id, buttons), fault, shown);
  every(REFRESH_MS, signal, load, (reason) => fill(fault, problem(reason)));
}

function body({ stage, name, type, state, reason, message_matcher: matcher, sandboxes, queue, waiting, pools, failures, counters }) {
  const kind = KINDS[stage];
  return h("div", {},
    h("p", {}, conditionMark(state, failures.condition), ` ${stage.slice(0, -1)} of type ${type}`),
    reason ? h("div", { class: "problem" }, h("p", {}, h("strong", {}, "Why: "), reason)) : null,
    failureReport(failures),
    facts([
      ["Records in", count(counters.records_received)], ["Records out", count(stage === "filters" ? counters.records_injected : counters.records_sent)],
      ["Bytes in", bytes(counters.bytes_received)], ["Bytes out", bytes(counters.bytes_sent)],
      ["Restarts", count(counters.restarts)], counters.retries ? ["Deliveries tried again", count(counters.retries)] : null,
      counters.cpu_ms ? ["CPU", milliseconds(counters.cpu_ms)] : null,
      matcher ? ["Message matcher", h("code", {}, matcher)] : null,
      counters.records_skipped ? ["Skipped by the encoder", count(counters.records_skipped)] : null,
      counters.records_empty ? ["Empty after encoding", count(counters.records_empty)] : null,
    ]),
    h("p", {},
      kind && sandboxes.length ? ["Script: ", sandboxes.map((each) => [h("a", { href: sandboxLink(kind, each) }, each), " "])] : null,
      SIBLINGS[stage] ? ["See also ", h("a", { href: componentLink(`${SIBLINGS[stage]}.${name}`) }, `${SIBLINGS[stage]}.${name}`), ". "] : null,
      h("a", { href: link(["dead-letters"], { component: name, kind: LETTERS[stage] }) }, "Its dead letters"), "."),
    reasons("Errors", "What went wrong", counters.errors),
    reasons("Dropped", "Records that were not passed on", counters.drops),
    queue ? [h("h2", {}, "Queue"), facts([
      ["Packs that wait", `${queue.packs} of ${queue.max_packs}`], ["At most so far", count(queue.packs_highest)], ["Records that wait", count(queue.records)],
      ["Oldest waits for", milliseconds(queue.lag_ms)], ["When it is full", queue.policy],
    ])] : null,
    waiting ? [h("h2", {}, "Back-pressure"), facts([
      ["Waits for", h("a", { href: componentLink(waiting.held_by) }, waiting.held_by)], ["Since", `${milliseconds(waiting.for_ms)} ago`],
      waiting.reason ? ["Why that does not go on", waiting.reason] : null,
    ])] : null,
    pools.length ? [h("h2", {}, "Pools of packs"), facts(pools.map((pool, place) => [`Pool ${place + 1}`, `${pool.slots_used} of ${pool.slots} slots of ${bytes(pool.slot_bytes)}`]))] : null);
}

function reasons(title, about, counted) {
  const known = Object.entries(counted).filter(([, value]) => value);
  if (!known.length) return null;
  return [h("h2", {}, title), scroller(title, h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, about), h("th", { scope: "col", class: "number" }, "Count"))),
    h("tbody", {}, known.map(([reason, value]) => h("tr", {}, h("th", { scope: "row" }, reason.replaceAll("_", " ")), h("td", { class: "number" }, count(value)))))))];
}
