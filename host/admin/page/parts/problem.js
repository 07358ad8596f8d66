// Shows what went wrong.

import { h } from "../core/dom.js";

/** What a request came back with, its single faults with their lines. */
export function problem(fault, onLine = null) {
  return h("div", { class: "problem", role: "alert" },
    h("p", {}, fault.message),
    fault.errors?.length ? h("ul", {}, fault.errors.map((each) => faultItem(each, onLine))) : null);
}

/** A fault of a script or a configuration. If it has a line, that may be a way to go there. */
export function faultItem({ message, file = "", line = 0, path = "", hint = "" }, onLine = null) {
  const place = [path, line ? `line ${line}` : "", onLine ? "" : file].filter(Boolean).join(", ");
  const shown = line && onLine
    ? h("button", { class: "link", type: "button", on: { click: () => onLine(line) } }, place)
    : place;
  return h("li", {}, place ? [h("strong", {}, shown), ": "] : null, message, hint ? h("span", { class: "hint" }, ` ${hint}`) : null);
}
