// Records on their way, sampled: the pipeline never waits for it.

import { follow } from "../core/api.js";
import { fill, h, setText } from "../core/dom.js";
import { count, plural } from "../core/format.js";
import { keepQuery } from "../core/router.js";
import { choice, facts, field, head, live } from "../parts/bits.js";
import { places } from "../parts/material.js";
import { message } from "../parts/message.js";
import { problem } from "../parts/problem.js";

const MOST_SHOWN = 200;

export async function show(root, { query, signal }) {
  const { points } = await places();
  const point = choice(points, query.point ?? "router");
  const match = h("input", { value: query.match ?? "TRUE", class: "code", spellcheck: "false" });
  const rate = h("input", { type: "number", min: 1, max: 100, value: query.rate ?? 5 });
  const toggle = h("button", { type: "submit", class: "primary" }, "Watch");
  const status = live();
  const counts = h("div", {});
  const fault = h("div", {});
  const list = h("ol", { class: "records", "aria-label": "Records, newest first" });
  let watching = null;

  const stop = (reason = "Stopped.") => {
    watching?.abort();
    watching = null;
    toggle.textContent = "Watch";
    setText(status, reason);
  };
  const watch = async () => {
    const mine = new AbortController();
    watching = mine;
    signal.addEventListener("abort", () => mine.abort());
    fill(list);
    fill(fault);
    toggle.textContent = "Stop";
    const wanted = { point: point.value, match: match.value.trim() || "TRUE", rate: rate.value };
    keepQuery(wanted);
    setText(status, `Watching ${wanted.point}.`);
    try {
      await follow("/api/v1/tap", wanted, mine.signal, ({ records, counts: now }) => {
        list.prepend(...records.reverse().map((each) => h("li", {}, message(each))));
        while (list.childElementCount > MOST_SHOWN) list.lastElementChild.remove();
        fill(counts, words(now));
      });
      if (watching === mine) stop("The host has ended it.");
    } catch (reason) {
      if (mine.signal.aborted) return;
      stop("");
      fill(fault, problem(reason));
    }
  };
  const submit = (event) => {
    event.preventDefault();
    if (watching) stop();
    else watch();
  };
  fill(root,
    head("Tap"),
    h("p", { class: "hint" }, "Watch records pass a point of the pipeline. It is a sample, and what is left out is counted: the pipeline never waits for it."),
    h("form", { class: "card", on: { submit } },
      h("div", { class: "fields" }, field("Point", point, "router: everything; decoders: what an input makes; filters: what they inject; outputs: what they get."),
        field("Matcher", match, "As filters and outputs have it: Fields[status] >= 500"), field("Records a second, at most", rate)),
      toggle),
    status, fault, counts, list);
  if (query.point) watch();
}

function words({ shown_records: shown, dropped_records: dropped, passed_packs: packs, passed_records: passed, skipped_records: skipped }) {
  return facts([
    ["Shown", count(shown)],
    ["Matched, left out (rate)", count(dropped)],
    ["Passed", `${plural(passed, "record")} in ${plural(packs, "pack")}`],
    ["Not looked at", count(skipped)],
  ]);
}
