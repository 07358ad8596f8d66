// What a grammar makes of lines. Offsets are those of bytes, so a line is cut as bytes and each piece decoded.

import { h } from "../../core/dom.js";
import { nanoseconds, plural } from "../../core/format.js";
import { faultItem } from "../../parts/problem.js";

const COLOURS = 6;
const decoder = new TextDecoder();

export function grammarResult({ ok, error, results, prints }, goTo) {
  const matched = results.filter((each) => each.matched).length;
  return [
    error ? h("div", { class: "problem", role: "alert" }, h("ul", {}, faultItem(error, goTo))) : null,
    ok ? h("h2", {}, `${matched} of ${plural(results.length, "line")} ${matched === 1 ? "matches" : "match"}`) : null,
    prints.length ? h("pre", { tabindex: "0", role: "region", "aria-label": "Prints" }, prints.join("\n")) : null,
    results.map(line),
  ];
}

function line(tried) {
  const { matched, captures, values, furthest, match_ns: cost, given, end } = tried;
  const size = new TextEncoder().encode(given).length;
  const said = matched
    ? end < size ? `✓ matches up to byte ${end} of ${size}` : "✓ matches"
    : `✕ fails; it got as far as byte ${furthest} of ${size}`;
  return h("article", { class: `trial ${matched ? "" : "failed"}` },
    h("div", {}, h("strong", {}, said), h("span", { class: "hint" }, ` ${nanoseconds(cost)}`)),
    h("div", { class: "line" }, matched ? coloured(given, captures, end) : stopped(given, furthest)),
    captures.length ? h("div", { class: "message" }, captures.map((each, place) => h("span", { class: "pair" },
      h("span", { class: `capture c${place % COLOURS}` }, each.name || `capture ${place + 1}`), " ", h("span", { class: "value" }, each.text)))) : null,
    values.length ? h("details", {}, h("summary", {}, "What lpeg.match answers"), h("pre", { tabindex: "0", role: "region", "aria-label": "Values" }, JSON.stringify(values, null, 2))) : null);
}

/** The line with its captures coloured; where some lie in others, the innermost has the colour. */
function coloured(given, captures, end) {
  const bytes = new TextEncoder().encode(given);
  const owner = new Int16Array(bytes.length).fill(-1);
  captures.map((each, place) => ({ ...each, place })).sort((a, b) => (b.end - b.start) - (a.end - a.start))
    .forEach(({ start, end: to, place }) => owner.fill(place, start, to));
  const parts = [];
  for (let from = 0; from < bytes.length;) {
    let to = from + 1;
    while (to < bytes.length && owner[to] === owner[from] && (to < end) === (from < end)) to += 1;
    const text = decoder.decode(bytes.slice(from, to));
    const capture = captures[owner[from]];
    if (capture) parts.push(h("mark", { class: `capture c${owner[from] % COLOURS}`, title: capture.name || `capture ${owner[from] + 1}` }, text));
    else parts.push(from >= end ? h("span", { class: "unread" }, text) : text);
    from = to;
  }
  return parts;
}

function stopped(given, furthest) {
  const bytes = new TextEncoder().encode(given);
  return [decoder.decode(bytes.slice(0, furthest)), h("span", { class: "stopped", role: "img", "aria-label": "It failed here" }, "▲"), h("span", { class: "unread" }, decoder.decode(bytes.slice(furthest)))];
}
