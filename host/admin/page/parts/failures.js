// What fails at a component: how much of its recent work, why, and at which record.

import { h } from "../core/dom.js";
import { bytes, count, moment, percent } from "../core/format.js";
import { block } from "./bits.js";

export function failureReport({ condition, failed_records: failed, recent_records: recent, recent_failed: recentFailed, recent_share: share,
  left_out_letters: leftOut, last_error: last, first_record: first }) {
  if (!failed && !last) return null;
  return h("section", { class: `failures ${condition === "ok" ? "notice" : "problem"}`, "aria-label": "Failures" },
    recentFailed ? h("p", {}, h("strong", {}, `${percent(share)} failed: `), `${count(recentFailed)} of the last ${count(recent)} records, ${count(failed)} since the host was started.`) : null,
    last ? h("p", {}, h("strong", {}, "Last error: "), place(last), last.text, h("span", { class: "hint" }, ` ${moment(last.time_ns)}`)) : null,
    first ? [h("p", {}, h("strong", {}, "First failed record"), ` (${bytes(first.bytes)}, ${moment(first.time_ns)}): ${first.reason}`), block(first.record, "First failed record")] : null,
    leftOut ? h("p", {}, `${count(leftOut)} of the failed records are not in the dead letters: there are too many.`) : null);
}

/** The place of an error in its script, unless the text says it already. */
function place({ file, line, text }) {
  const where = line ? `${file}:${line}` : file;
  return where && !text.includes(where) ? [h("code", {}, where), ": "] : null;
}
