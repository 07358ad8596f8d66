// What a script, a matcher or a grammar is tried on: the live stream, pasted records, or pasted messages.

import { fill, h } from "../core/dom.js";
import { refusal, session } from "../core/session.js";
import { get } from "../core/api.js";
import { choice, field } from "./bits.js";

const KINDS = { live: "Live stream", records: "Pasted records", messages: "Pasted messages" };
const EXAMPLE = '[{"Type": "example", "Fields": {"status": 500}}]';

/** The places where a tap can look, and the inputs. */
export async function places() {
  if (!session.ofHost) return { points: [], inputs: [] };
  const { nodes } = await get("/api/v1/graph");
  const names = (stage) => nodes.filter((node) => node.stage === stage).map((node) => node.id);
  return {
    points: ["router", ...names("decoders"), ...names("filters"), ...names("outputs")],
    inputs: names("inputs").map((id) => id.slice("inputs.".length)),
  };
}

/**
 * A form for it.
 *
 * @returns {{element: Element, read: () => object, set: (kind: string, text: string) => void}} `read` answers the
 *   members of the request
 */
export function material({ points, inputs }, { kinds = ["live", "records", "messages"], kept = {} } = {}) {
  const live = refusal("operator");
  const usable = kinds.filter((kind) => kind !== "live" || !live);
  const kind = choice(usable.map((each) => [each, KINDS[each]]), usable.includes(kept.kind) ? kept.kind : usable[0]);
  const point = choice(points, kept.point ?? "router");
  const match = h("input", { value: kept.match ?? "TRUE", spellcheck: "false", class: "code" });
  const amount = h("input", { type: "number", min: 1, max: 500, value: kept.count ?? 20 });
  const records = h("textarea", { rows: 8, spellcheck: "false", class: "code" }, kept.records ?? "");
  const messages = h("textarea", { rows: 8, spellcheck: "false", class: "code" }, kept.messages ?? EXAMPLE);
  const input = choice([["", "The only one"], ...inputs.map((name) => [name, name])], kept.input ?? "");
  const forms = {
    live: () => h("div", { class: "fields" }, field("Point", point), field("Matcher of the stream", match), field("Records", amount)),
    records: () => [field("Records, one a line", records), inputs.length > 1 && kinds.includes("messages")
      ? field("Decoded as by", input, "Filters, encoders and matchers get what the decoders of this input make of the records.") : null],
    messages: () => field("Messages, as JSON", messages),
  };
  const form = h("div", { class: "material" });
  const draw = () => fill(form, forms[kind.value]());
  kind.addEventListener("change", draw);
  draw();
  const readers = {
    live: () => ({ live: { point: point.value, match: match.value || "TRUE", count: Number(amount.value) || 20 } }),
    records: () => ({ records: linesOf(records.value), input: input.value || undefined }),
    messages: () => ({ messages: messagesOf(messages.value) }),
  };
  return {
    element: h("div", {}, field("Tried on", kind), form),
    read: () => readers[kind.value](),
    kept: () => ({ kind: kind.value, point: point.value, match: match.value, count: amount.value, records: records.value,
      messages: messages.value, input: input.value }),
    prefer(given, where = "") {
      if (usable.includes(given)) kind.value = given;
      if (where) point.value = where;
      draw();
    },
  };
}

export function linesOf(text) {
  return text.split("\n").filter((line, place, lines) => line !== "" || place < lines.length - 1);
}

function messagesOf(text) {
  let found;
  try {
    found = JSON.parse(text || "[]");
  } catch (fault) {
    throw new Error(`The messages are not JSON: ${fault.message}`, { cause: fault });
  }
  return Array.isArray(found) ? found : [found];
}
