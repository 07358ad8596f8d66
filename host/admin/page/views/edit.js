// Writes a script, tries it beside the editor, and deploys it.

import { get, post, put } from "../core/api.js";
import { fill, h, setText } from "../core/dom.js";
import { dropDraft, keepDraft, keptDraft } from "../core/drafts.js";
import { sandboxLink } from "../core/router.js";
import { refusal } from "../core/session.js";
import { action } from "../parts/action.js";
import { choice, field, head, live } from "../parts/bits.js";
import { confirmed } from "../parts/dialog.js";
import { editor } from "../parts/editor.js";
import { hints } from "../parts/hints.js";
import { material, places } from "../parts/material.js";
import { problem } from "../parts/problem.js";
import { headerOf, TEMPLATES } from "../parts/templates.js";
import { say } from "../parts/toast.js";
import { dryRunResult, warningOf } from "./edit/result.js";

const SOON_MS = 1000;

export async function show(root, { parts: [kind = "", name = ""], query, signal }) {
  const draftName = name ? `${kind}.${name}` : "new";
  const [where, source, saved] = await Promise.all([places(), hints(), name ? get(`/api/v1/sandboxes/${encodeURIComponent(name)}/source`, { kind }, signal) : TEMPLATES[query.kind] ?? TEMPLATES.filter]);
  const draft = keptDraft(draftName);
  const about = live();
  const faults = h("div", { "aria-live": "polite" });
  const results = h("div", { "aria-live": "polite" });
  const on = material(where);
  const config = h("textarea", { rows: 2, class: "code", spellcheck: "false" }, "{}");
  const tick = h("input", { type: "checkbox", id: "tick", checked: true });
  const begin = choice([["filter", "A filter"], ["decoder", "A decoder"], ["encoder", "An encoder"]], query.kind ?? "filter");

  const tried = (input) => post("/api/v1/sandboxes/dry-run", { source: code.text, kind: kind || null, config: optionsOf(config.value), tick: tick.checked, ...input });
  const run = async () => {
    fill(results, h("p", { class: "hint" }, "Running …"));
    code.mark([]);
    try {
      const found = await tried(on.read());
      fill(results, dryRunResult(found, code.goTo));
      if (found.error) code.mark([found.error]);
    } catch (fault) {
      showFault(results, fault);
    }
  };
  const showFault = (place, fault) => {
    fill(place, problem(fault, code.goTo));
    code.mark(fault.errors ?? []);
  };
  const code = await editor({
    text: draft ?? saved, label: "Script", tall: true, hints: source, onRun: () => { if (!refusal("operator", "")) run(); },
    onChange: (text) => {
      keepDraft(draftName, text);
      tell();
    },
  });
  const tell = () => {
    const now = headerOf(code.text);
    setText(about, now.name ? `${now.kind} ${now.name}${code.text === saved ? "" : ", changed"}` : "The front matter has no name yet.");
  };
  /** Try the script before it is deployed; answers a warning, empty if nothing fails. */
  const doubt = async () => {
    if (refusal("operator", "")) return "";
    const given = on.read();
    const soon = given.live ? { ...given, live: { ...given.live, wait_ms: SOON_MS } } : given;
    try {
      return warningOf(await tried(soon));
    } catch (fault) {
      return `It could not be tried first: ${fault.message}`;
    }
  };
  const deploy = async () => {
    fill(faults);
    code.mark([]);
    const target = headerOf(code.text).name || name;
    const targetKind = headerOf(code.text).kind || kind;
    if (!target) throw new Error("Give the script a name in its front matter.");
    const refused = refusal("admin", target);
    if (refused) throw new Error(refused);
    const warning = await doubt();
    if (!(await confirmed({ title: `Deploy ${target}?`, content: warning ? h("p", { class: "problem" }, h("strong", {}, "Warning: "), warning) : null, text: "It is checked, started once in a jail of its own, and its cases are run. Then it takes effect while data flows; if anything is wrong, what runs now goes on.", action: "Deploy" }))) return;
    try {
      const loaded = await put(`/api/v1/sandboxes/${encodeURIComponent(target)}`, code.text, { kind: targetKind || undefined });
      dropDraft(draftName);
      say(`${target} runs${loaded.version ? ` as version ${loaded.version}` : ""}.`);
      location.hash = sandboxLink(loaded.kind, loaded.name);
    } catch (fault) {
      showFault(faults, fault);
    }
  };
  const restart = (text) => {
    code.text = text;
    dropDraft(draftName);
    fill(faults);
    fill(results);
    tell();
  };
  begin.addEventListener("change", async () => {
    const isOwn = !Object.values(TEMPLATES).includes(code.text);
    if (isOwn && !(await confirmed({ title: "Begin anew?", text: "What is in the editor is replaced.", action: "Begin anew" }))) return;
    restart(TEMPLATES[begin.value]);
  });
  on.prefer(!refusal("operator") ? "live" : "messages", where.points.includes(query.point) ? query.point : "");
  fill(root,
    head(name ? `Edit ${name}` : "New script",
      draft !== null && draft !== saved ? h("button", { type: "button", on: { click: () => restart(saved) } }, "Discard the draft") : null,
      action({ label: "Deploy", kind: "primary", role: "admin", sandbox: name, run: deploy })),
    h("div", { class: "halves" },
      h("section", { "aria-label": "Script" }, name ? null : field("Begin with", begin), code.element, about, faults,
        h("p", { class: "hint" }, "Ctrl+Space shows what may stand here; Ctrl+Enter runs it dry; Ctrl+F finds.")),
      h("section", { "aria-label": "Dry run" },
        h("h2", {}, "Dry run"),
        h("p", { class: "hint" }, "In a jail of its own, with production’s limits. Nothing else is touched."),
        h("div", { class: "card" }, on.element,
          h("details", {}, h("summary", {}, "Options"), field("Options of the script, as JSON", config),
            h("label", { class: "check", for: "tick" }, tick, "Call timer_event of a filter at the end")),
          h("div", { class: "buttons" }, action({ label: "Run", role: "operator", sandbox: "", run }))),
        results)));
  tell();
}

function optionsOf(text) {
  try {
    return JSON.parse(text || "{}");
  } catch (fault) {
    throw new Error(`The options are not JSON: ${fault.message}`, { cause: fault });
  }
}
