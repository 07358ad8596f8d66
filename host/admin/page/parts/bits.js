// Small things that many views show.

import { h } from "../core/dom.js";
import { inUnit } from "../core/format.js";

const HEALTH_OF_STATE = {
  running: "ok", starting: "lossy", backing_off: "lossy", paused: "paused", stopped: "paused",
  quarantined: "dead", failed: "dead", ended: "paused", unused: "paused",
};
const SIGNS = { ok: "●", lossy: "▲", stuck: "■", failing: "✖", dead: "✕", paused: "❚❚" };

/** A state in words, with a sign: never by colour alone. */
export function stateMark(state) {
  return mark(HEALTH_OF_STATE[state] ?? "ok", state.replace("_", " "));
}

/** The state of what runs a script, and whether the script fails: a script that fails at each record runs, and is not well. */
export function conditionMark(state, condition) {
  if (state !== "running" || condition === "ok") return stateMark(state);
  return condition === "failing" ? mark("failing", "failing") : mark("lossy", "running, with failures");
}

/** The health of a node of the graph. */
export function healthMark(health) {
  return mark(health, health);
}

function mark(health, text) {
  return h("span", { class: `mark ${health}` }, h("span", { "aria-hidden": "true" }, SIGNS[health]), ` ${text}`);
}

export function sign(health) {
  return SIGNS[health];
}

/** A limit as a bar: how much is used, and how much was at most. */
export function limitBar({ name, limit, current, highest, unit }) {
  const share = (value) => Math.min(100, limit ? (value / limit) * 100 : 0);
  const used = share(highest);
  const words = `${inUnit(current, unit)} of ${inUnit(limit, unit)}, at most ${inUnit(highest, unit)} so far`;
  const bar = h("span", { class: `limit ${used >= 90 ? "high" : used >= 70 ? "middle" : ""}`, role: "meter",
    "aria-label": name, "aria-valuemin": 0, "aria-valuemax": limit, "aria-valuenow": Math.min(current, limit), "aria-valuetext": words,
    title: words }, h("span", { class: "now" }), h("span", { class: "most" }));
  bar.style.setProperty("--now", `${share(current)}%`);
  bar.style.setProperty("--most", `${used}%`);
  return bar;
}

/** A fact with its name, for a list of facts. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value]) =>
    h("div", {}, h("dt", {}, name), h("dd", {}, value ?? "–"))));
}

/** A head with what can be done beside it. */
export function head(title, ...beside) {
  return h("div", { class: "head" }, h("h1", {}, title), h("div", { class: "buttons" }, beside));
}

/** A field of a form with its label. */
export function field(label, control, hint = "") {
  const id = control.id || (control.id = `field-${label.toLowerCase().replace(/\W+/g, "-")}`);
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control,
    hint ? h("span", { class: "hint", id: `${id}-hint` }, hint) : null);
}

/** A choice. Options are values, or pairs of value and title. */
export function choice(options, value, properties = {}) {
  return h("select", properties, options.map((each) => {
    const [given, title] = Array.isArray(each) ? each : [each, each];
    return h("option", { value: given, selected: given === value }, title);
  }));
}

/** A view's place for what is said while it changes; screen readers hear it once. */
export function live(properties = {}) {
  return h("p", { "aria-live": "polite", class: "live", ...properties });
}

/** A block of text as it is; it can be scrolled with the keyboard. */
export function block(text, label) {
  return h("pre", { tabindex: "0", role: "region", "aria-label": label }, text);
}

/** What a wide thing scrolls in. */
export function scroller(label, ...children) {
  return h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": label }, children);
}
