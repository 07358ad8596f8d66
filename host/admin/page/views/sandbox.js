// One script: its head with what can be done, and a tab for each thing that is known of it.

import { get } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { every } from "../core/poll.js";
import { link, sandboxLink } from "../core/router.js";
import { session } from "../core/session.js";
import { head, live, stateMark } from "../parts/bits.js";
import { faultItem, problem } from "../parts/problem.js";
import { sandboxActions } from "./sandbox/actions.js";
import * as logs from "./sandbox/logs.js";
import * as outputs from "./sandbox/outputs.js";
import * as readouts from "./sandbox/readouts.js";
import * as source from "./sandbox/source.js";
import * as state from "./sandbox/state.js";
import * as summary from "./sandbox/summary.js";
import * as versions from "./sandbox/versions.js";

const REFRESH_MS = 3000;
const TABS = [
  ["", "Summary", summary], ["source", "Source", source], ["versions", "Versions", versions],
  ["outputs", "Graphs and outputs", outputs, "filter"], ["readouts", "Read-outs", readouts, "filter"], ["logs", "Prints", logs], ["state", "State", state, "filter"],
];

export async function show(root, { parts: [kind, name, tab = ""], query, signal: left }) {
  const removed = new AbortController();
  const signal = AbortSignal.any([left, removed.signal]);
  const path = `/api/v1/sandboxes/${encodeURIComponent(name)}`;
  const load = () => get(path, { kind }, signal);
  const tabs = TABS.filter(([, , , only]) => !only || only === kind);
  const shown = tabs.find(([each]) => each === tab) ?? tabs[0];
  const status = live();
  const faults = h("div", {});
  const buttons = h("div", { class: "buttons" });
  const content = h("section", { "aria-label": shown[1] });
  let detail = await load();

  const draw = () => {
    fill(status, stateMark(detail.state), ` ${detail.kind}${detail.version ? `, version ${detail.version}` : `, ${detail.origin}`}`);
    fill(faults, detail.faults.length
      ? h("div", { class: "problem" }, h("p", {}, "The file as it is now has faults; what was loaded before goes on."),
        h("ul", {}, detail.faults.map((fault) => faultItem(fault))))
      : null);
  };
  const drawActions = () => fill(buttons, sandboxActions(detail, async (changed) => {
    detail = changed;
    draw();
    drawActions();
    context.refresh?.(detail);
  }, () => removed.abort()));
  const context = {
    path, kind, name, query, signal, root, detail: () => detail, canLetters: session.ofHost,
    async reload() {
      detail = await load();
      draw();
      drawActions();
    },
  };
  draw();
  drawActions();
  fill(root,
    head(name, buttons), status,
    detail.summary ? h("p", {}, detail.summary) : null, faults,
    h("nav", { class: "tabs", "aria-label": "About this sandbox" }, tabs.map(([each, title]) =>
      h("a", { href: sandboxLink(kind, name, each), "aria-current": each === shown[0] ? "page" : null }, title))),
    content,
    h("p", {}, h("a", { href: link(["sandboxes"]) }, "All sandboxes")));
  await shown[2].show(content, context);
  const fault = h("div", {});
  root.prepend(fault);
  every(REFRESH_MS, signal, async () => {
    const before = detail.state;
    detail = await load();
    fill(fault);
    if (detail.state !== before) drawActions();
    if (detail.state !== before || detail.faults.length) draw();
    context.refresh?.(detail);
  }, (reason) => fill(fault, problem(reason)));
}
