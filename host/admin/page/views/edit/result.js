// What came of a dry run: what went in beside what came out.

import { h } from "../../core/dom.js";
import { plural } from "../../core/format.js";
import { message } from "../../parts/message.js";
import { faultItem } from "../../parts/problem.js";

export function dryRunResult({ ok, results, prints, error, limit, stopped, cpu_us: cpu, modules }, goTo) {
  const failed = results.filter((each) => each.failure || each.dead_letters.length).length;
  const matched = results.filter((each) => each.matched).length;
  const cost = `${cpu.toLocaleString("en", { maximumFractionDigits: 0 })} µs of CPU in all`;
  return [
    h("h2", {}, ok ? "✓ It works" : "✕ Something is wrong"),
    h("p", {}, `${plural(results.length, "step")}, ${matched} taken, ${failed} failed, ${cost}.`, modules.length ? ` Requires ${modules.join(", ")}.` : ""),
    error ? h("div", { class: "problem", role: "alert" }, limit ? h("p", {}, `It was ended by its ${limit}.`) : null, h("ul", {}, faultItem(error, goTo))) : null,
    stopped ? h("p", { class: "notice" }, stopped === "time" ? "It was stopped: it took too long in all." : "It was stopped: it made too much output.") : null,
    prints.length ? [h("h3", {}, "Printed while it was loaded"), h("pre", { tabindex: "0", role: "region", "aria-label": "Prints" }, prints.join("\n"))] : null,
    results.length ? results.map((each) => step(each, goTo)) : error ? null : h("p", { class: "empty" }, "There was nothing to try it on: no record came within the time."),
  ];
}

/** A warning before a script is deployed; empty if its dry run does not fail. */
export function warningOf({ ok, results, error, stopped }) {
  if (ok) return "";
  if (error) return `Its dry run ended with an error: ${error.line ? `line ${error.line}: ` : ""}${error.message}`;
  if (stopped) return "Its dry run was stopped: it takes too much.";
  const failed = results.filter((each) => each.failure || each.dead_letters.length);
  return `Its dry run fails at ${failed.length} of ${plural(results.length, "record")}: ${failed[0].failure || failed[0].dead_letters[0]}`;
}

function step(tried, goTo) {
  const { given, matched, messages, outputs, failure, dead_letters: letters, prints, cpu_us: cpu } = tried;
  const isBad = failure || letters.length;
  const words = isBad ? "failed" : given === null ? "timer_event" : matched ? "taken" : "passed by";
  const line = Number(/\.lua:(\d+):/.exec(failure)?.[1] ?? 0);
  return h("article", { class: `trial ${isBad ? "failed" : matched || given === null ? "" : "passed-by"}` },
    h("div", {}, h("strong", {}, words), h("span", { class: "hint" }, ` ${cpu.toFixed(0)} µs`)),
    given === null ? null : h("div", {}, h("span", { class: "label" }, "in"), typeof given === "string" ? h("span", { class: "in" }, given) : message(given)),
    failure ? h("p", { class: "fault-text" }, line ? h("button", { class: "link", type: "button", on: { click: () => goTo(line) } }, `Line ${line}`) : null, line ? ": " : "", failure) : null,
    letters.map((reason) => h("p", { class: "fault-text" }, `To the dead letters: ${reason}`)),
    messages.map((each) => h("div", {}, h("span", { class: "label" }, "out"), message(each))),
    outputs.map((text) => h("div", {}, h("span", { class: "label" }, "out"), h("span", { class: "in" }, text))),
    prints.map((text) => h("div", {}, h("span", { class: "label" }, "print"), h("code", {}, text))));
}
