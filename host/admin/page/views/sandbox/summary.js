// Counters, limits, costs, places where it runs, terminations.

import { get } from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { bytes, count, inUnit, milliseconds, nanoseconds, plural } from "../../core/format.js";
import { componentLink, link } from "../../core/router.js";
import { block, conditionMark, facts, limitBar, scroller, stateMark } from "../../parts/bits.js";
import { failureReport } from "../../parts/failures.js";
import { letterLine } from "../dead_letters/letter.js";

export async function show(content, context) {
  const { kind, name } = context;
  const shown = h("div", {});
  const letters = h("div", {});
  const draw = (detail) => fill(shown, numbers(detail), detail.instances.map((instance) => place(instance, context)), about(detail));
  draw(context.detail());
  context.refresh = (detail) => {
    if (!shown.contains(document.activeElement)) draw(detail);
  };
  fill(content, shown, letters);
  if (context.canLetters) fill(letters, await recentLetters(kind, name, context));
}

function numbers(detail) {
  return facts([
    ["Records received", count(detail.records_received)],
    detail.kind === "filter" ? ["Messages injected", count(detail.records_injected)] : ["Records sent", count(detail.records_sent)],
    ["Records failed", count(detail.records_failed)],
    ["Restarts", count(detail.restarts)],
    ["CPU", milliseconds(detail.cpu_ms)],
    ["In RAM", bytes(detail.resident_bytes)],
    ["Processes", count(detail.processes)],
  ]);
}

function place({ component, state, processes, queue, failures }, context) {
  return h("div", { class: "card" },
    h("h2", {}, "In ", h("a", { href: componentLink(component) }, component), " ", conditionMark(state, failures.condition)),
    failureReport(failures),
    queue ? h("p", {}, `${plural(queue.packs, "pack")} with ${plural(queue.records, "record")} wait (at most ${queue.packs_highest} of ${queue.max_packs} packs so far); the oldest for ${milliseconds(queue.lag_ms)}.`) : null,
    processes.map((each) => processOf(each, processes.length > 1, context)));
}

function processOf({ name, pid, state, cpu_ms: cpuMs, resident_bytes: resident, limits, cost, last_termination: end }, isOneOfMany, context) {
  return h("div", {},
    isOneOfMany ? h("h3", {}, name, " ", stateMark(state)) : null,
    h("p", { class: "hint" }, pid ? `Process ${pid}, ${milliseconds(cpuMs)} of CPU, ${bytes(resident)} in RAM.` : "There is no process now."),
    end ? termination(end, context) : null,
    limits.length ? h("div", { class: "halves" }, h("div", {}, h("h3", {}, "Limits"), limitTable(limits, name)), h("div", {}, h("h3", {}, "CPU of a call"), costs(cost))) : null);
}

function termination({ limit, text, record }, { kind, name, canLetters }) {
  return h("div", { class: "problem" },
    h("p", {}, h("strong", {}, `Last termination (${limit}): `), text, record > 0 ? ` It was at record ${record} of its pack.` : ""),
    canLetters ? h("p", {}, h("a", { href: link(["dead-letters"], { component: name, kind }) }, "Its dead letters"), " have the records that it died of.") : null);
}

function limitTable(limits, name) {
  return scroller(`Limits of ${name}`, h("table", {},
    h("thead", {}, h("tr", {}, ["Limit", "Used", "Highest so far"].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, limits.map((each) => h("tr", {}, h("th", { scope: "row" }, each.name), h("td", {}, limitBar(each)),
      h("td", {}, `${inUnit(each.highest, each.unit)} of ${inUnit(each.limit, each.unit)}`))))));
}

function costs({ records, records_ns: all, timer_current_ns: timer, timer_highest_ns: timerMost, histogram }) {
  const most = Math.max(1, ...histogram.map((bucket) => bucket.records));
  return h("div", {},
    h("p", {}, records ? `${plural(records, "record")}, ${nanoseconds(all / records)} each on average.` : "No record yet.",
      timerMost ? ` timer_event: ${nanoseconds(timer)} the last time, at most ${nanoseconds(timerMost)}.` : ""),
    h("div", { class: "bars", role: "img", "aria-label": histogram.map((bucket) => `below ${nanoseconds(bucket.below_ns)}: ${bucket.records}`).join(", ") },
      histogram.map((bucket) => [h("span", {}, `< ${nanoseconds(bucket.below_ns)}`), bar(bucket.records / most), h("span", { class: "number" }, count(bucket.records))])));
}

function bar(share) {
  const line = h("span", { class: "bar-line" });
  line.style.width = `${share * 100}%`;
  return line;
}

function about(detail) {
  const config = Object.keys(detail.config).length ? JSON.stringify(detail.config, null, 2) : "";
  return h("div", {},
    h("h2", {}, "About the script"),
    facts([
      ["File", detail.file], ["From", detail.origin], ["SHA-256", detail.sha256.slice(0, 16)],
      detail.message_matcher ? ["Message matcher", h("code", {}, detail.message_matcher)] : null,
      detail.ticker_interval ? ["timer_event every", `${detail.ticker_interval} s`] : null,
      ["Requires", Object.keys(detail.modules).join(", ") || "nothing"],
    ]),
    config ? [h("h3", {}, "Options"), block(config, "Options")] : null);
}

async function recentLetters(kind, name, { signal }) {
  const { items } = await get("/api/v1/dead-letters", { component: name, kind, limit: 5 }, signal);
  if (!items.length) return null;
  return [h("h2", {}, "Records that it failed at or died of"), h("ul", { class: "records" }, items.map((letter) => h("li", {}, letterLine(letter)))),
    h("p", {}, h("a", { href: link(["dead-letters"], { component: name, kind }) }, "All of them"))];
}
