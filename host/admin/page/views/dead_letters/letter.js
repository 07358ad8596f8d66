// How a dead letter is shown.

import { h } from "../../core/dom.js";
import { bytes, momentOf } from "../../core/format.js";
import { componentLink, link } from "../../core/router.js";
import { block, facts } from "../../parts/bits.js";

const STAGES = { decoder: "decoders", encoder: "encoders", filter: "filters" };
const SHORT = 160;

/** The id of the component that refused it. */
export function componentOf({ kind, component }) {
  return `${STAGES[kind] ?? kind}.${component}`;
}

/** It in a line. */
export function letterLine(letter) {
  const record = letter.record || letter.payload || (letter.record_base64 || letter.payload_base64 ? "(bytes that are no text)" : "");
  return [h("a", { href: link(["dead-letters", letter.id]) }, momentOf(letter.time)), " ", h("strong", {}, letter.reason), " ",
    h("code", {}, record.length > SHORT ? `${record.slice(0, SHORT)}…` : record)];
}

/** It as a whole. */
export function letterWhole(letter) {
  return h("div", {},
    facts([
      ["Refused by", h("a", { href: componentLink(componentOf(letter)) }, componentOf(letter))], ["When", momentOf(letter.time)],
      ["Read from", letter.stream || "–"], ["At byte", letter.position], ["Size", bytes(letter.bytes)],
    ]),
    h("p", {}, h("strong", {}, "Reason: "), letter.reason),
    letter.message_type === undefined ? null : [h("p", {}, `A filter made this message, of Type ${letter.message_type}. It has no record, and cannot be replayed.`),
      h("h3", {}, "Payload"), block(letter.payload ?? letter.payload_base64 ?? "", "Payload")],
    h("h3", {}, letter.record === undefined ? "Record, as Base64 since it is no text" : "Record"),
    block(letter.record ?? letter.record_base64 ?? "", "Record"));
}
