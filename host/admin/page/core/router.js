// Which view is shown: what stands behind `#` in the address is a path and a query, so every view has a link.

import { queryText } from "./api.js";

/** The path in parts, and the query, of the address as it is now. */
export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    parts: path.split("/").filter(Boolean).map(decodeURIComponent),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** A link: `link(["sandboxes", name], {kind})`. */
export function link(parts, query = {}) {
  return `#/${parts.map(encodeURIComponent).join("/")}${queryText(query)}`;
}

export function go(parts, query = {}) {
  location.hash = link(parts, query);
}

/** Show the view anew that the address names. */
export function showAgain() {
  dispatchEvent(new HashChangeEvent("hashchange"));
}

/** Write the query into the address without showing the view anew: the address is then a link to what is seen. */
export function keepQuery(query) {
  history.replaceState(null, "", link(here().parts, query));
}

/** The link to a component, by its id `stage.name`. */
export function componentLink(id) {
  const dot = id.indexOf(".");
  return id === "router" ? link(["tap"], { point: "router" }) : link(["components", id.slice(0, dot), id.slice(dot + 1)]);
}

export function sandboxLink(kind, name, tab = "") {
  return link(["sandboxes", kind, name, ...(tab ? [tab] : [])]);
}
