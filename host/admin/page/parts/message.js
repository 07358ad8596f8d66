// Messages of the pipeline, and how they are written for a person.

import { h } from "../core/dom.js";
import { moment } from "../core/format.js";

const HEADERS = ["Type", "Logger", "Severity", "Hostname", "Pid", "EnvVersion", "Payload"];

/** A message as a tap or a trial shows it. */
export function message(given) {
  const headers = HEADERS.filter((name) => given[name] !== null && given[name] !== undefined && given[name] !== "");
  return h("div", { class: "message" },
    given.Timestamp ? h("time", {}, moment(given.Timestamp)) : null,
    headers.map((name) => pair(name, given[name], "header")),
    fieldsOf(given).map(({ name, value, representation }) => pair(name, value, "", representation)));
}

function pair(name, value, kind, representation = "") {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return h("span", { class: `pair ${kind}` }, h("span", { class: "key" }, name), " ", h("span", { class: "value" }, text),
    representation ? h("span", { class: "hint" }, ` ${representation}`) : null);
}

/** The fields as a list, whether they were a list or a mapping. */
export function fieldsOf({ Fields: fields = [] }) {
  return Array.isArray(fields) ? fields : Object.entries(fields ?? {}).map(([name, value]) => ({ name, value }));
}
