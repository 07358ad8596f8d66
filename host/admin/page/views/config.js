// The configuration that runs, checking its files, and loading it anew.

import { get, post } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { moment } from "../core/format.js";
import { action } from "../parts/action.js";
import { block, head } from "../parts/bits.js";
import { faultItem } from "../parts/problem.js";
import { say } from "../parts/toast.js";

export async function show(root, { signal }) {
  const outcome = h("div", {});
  const checked = h("div", { "aria-live": "polite" });
  const sections = h("div", {});
  const load = async () => {
    const shown = await get("/api/v1/config", {}, signal);
    fill(outcome, lastReload(shown));
    fill(sections, Object.entries(shown.config).filter(([, value]) => !isEmpty(value)).map(([name, value]) => section(name, value)));
  };
  const validate = async () => {
    const { valid, errors } = await post("/api/v1/config/validate");
    fill(checked, valid
      ? h("div", { class: "card" }, h("p", {}, "✓ The files are valid. What they say now takes effect with a reload."))
      : h("div", { class: "problem" }, h("p", {}, "The files as they are now have faults."), h("ul", {}, errors.map((each) => faultItem(each)))));
  };
  const reload = async () => {
    const { ok, changed, error } = await post("/api/v1/config/reload");
    fill(checked);
    if (ok) say(changed.length ? `Loaded anew; changed: ${changed.join(", ")}.` : "Loaded anew; nothing has changed.");
    else say(`The old configuration goes on: ${error}`, "fault");
    await load();
  };
  fill(root,
    head("Configuration",
      action({ label: "Validate the files", role: "operator", run: validate }),
      action({
        label: "Reload", kind: "primary", role: "operator",
        confirm: { title: "Load the configuration anew?", text: "What has not changed goes on undisturbed. If the files have faults, nothing changes.", action: "Reload" },
        run: reload,
      })),
    outcome, checked, sections);
  await load();
}

function lastReload({ files, last_reload: last }) {
  return h("div", { class: "card" },
    h("p", {}, "Read from ", files.map((file) => [h("code", {}, file), " "])),
    last
      ? h("p", {}, h("strong", {}, last.ok ? "✓ Last reload: " : "✕ Last reload failed: "), moment(last.time_ns), ". ",
        last.ok ? (last.changed.length ? `Changed: ${last.changed.join(", ")}.` : "Nothing had changed.") : last.error)
      : h("p", {}, "It was not reloaded since the host was started."));
}

function section(name, value) {
  const entries = Object.entries(value);
  const isOfEntries = entries.every(([, each]) => each !== null && typeof each === "object" && !Array.isArray(each));
  return h("section", {}, h("h2", {}, name), isOfEntries
    ? entries.map(([entry, each]) => h("details", {}, h("summary", {}, h("code", {}, entry), each.type ? ` ${each.type}` : ""), block(written(each), `${name}.${entry}`)))
    : block(written(value), name));
}

function isEmpty(value) {
  return value === null || (typeof value === "object" && !Object.keys(value).length);
}

/** Something as YAML, near enough for people. */
function written(value, indent = "") {
  return Object.entries(value).filter(([, each]) => !isEmpty(each)).map(([key, each]) => {
    const name = Array.isArray(value) ? "-" : `${key}:`;
    const isNested = typeof each === "object";
    return isNested ? `${indent}${name}\n${written(each, `${indent}  `)}` : `${indent}${name} ${String(each)}`;
  }).join("\n");
}
