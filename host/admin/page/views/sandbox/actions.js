// What can be done with a sandbox.

import { get, patch, post, remove } from "../../core/api.js";
import { h } from "../../core/dom.js";
import { go, link, showAgain } from "../../core/router.js";
import { refusal } from "../../core/session.js";
import { action } from "../../parts/action.js";
import { field } from "../../parts/bits.js";
import { confirmed } from "../../parts/dialog.js";
import { say } from "../../parts/toast.js";

const LIMITS = ["memory_limit", "cpu_limit", "output_limit", "max_message_size", "max_message_fields", "max_process_inject", "max_timer_inject", "max_loops"];
const VERBS = {
  pause: { label: "Pause", done: "paused", when: (state) => !["paused", "stopped", "unused"].includes(state) },
  resume: { label: "Resume", done: "resumed", when: (state) => state === "paused" },
  stop: { label: "Stop", done: "stopped", when: (state) => !["stopped", "unused"].includes(state) },
  start: { label: "Start", done: "started", when: (state) => ["stopped", "quarantined", "failed"].includes(state) },
  restart: { label: "Restart", done: "restarted", when: (state) => !["stopped", "unused", "paused"].includes(state) },
};

/**
 * Buttons.
 *
 * @param {object} detail the sandbox
 * @param {(detail: object) => any} changed called with the sandbox as it is after each of them
 * @param {() => void} leave called before it is removed: nothing is to be asked of it any more
 */
export function sandboxActions(detail, changed, leave) {
  const { name, kind, state, changeable } = detail;
  const path = `/api/v1/sandboxes/${encodeURIComponent(name)}`;
  const verbs = Object.entries(VERBS).filter(([, { when }]) => when(state)).map(([verb, { label, done }]) => action({
    label, role: "operator", sandbox: name,
    confirm: verb === "stop" ? stopQuestion(detail) : null,
    run: async () => {
      const after = await post(`${path}/${verb}`, undefined, { kind });
      say(`${name} was ${done}.`);
      await changed(after);
    },
  }));
  const elsewhere = changeable ? "" : "Its file does not lie in the drop-in directory; it is changed where it lies.";
  return [
    ...verbs,
    h("a", { class: "button", href: link(["edit", kind, name]) }, refusal("admin", name) || elsewhere ? "Try changes" : "Edit"),
    action({ label: "Change limits", role: "admin", sandbox: name, why: elsewhere, run: () => changeLimits(detail, path, changed) }),
    action({
      label: "Remove", kind: "danger", role: "admin", sandbox: name, why: elsewhere,
      confirm: { title: `Remove ${name}?`, text: "Its file is removed from the drop-in directory. Its versions and its state stay, so it can be brought back.", action: "Remove" },
      run: async () => {
        leave();
        try {
          await remove(path, { kind });
        } catch (fault) {
          showAgain();
          throw fault;
        }
        say(`${name} was removed.`);
        go(["sandboxes"]);
      },
    }),
  ];
}

function stopQuestion({ name, kind }) {
  const text = kind === "filter"
    ? "What it would have seen passes it by, counted as dropped. Its state is kept. To lose nothing, pause it instead."
    : "Records wait for it and hold their inputs back until it is started again.";
  return { title: `Stop ${name}?`, text, action: "Stop" };
}

async function changeLimits({ name, kind, instances }, path, changed) {
  const now = instances[0]?.processes[0]?.limits ?? [];
  const inputs = LIMITS.map((limit) => {
    const known = now.find((each) => each.name === limit);
    return [limit, h("input", { type: "number", min: 1, placeholder: known?.limit ?? "default", id: `limit-${limit}` }), known?.unit ?? ""];
  });
  const content = h("div", { class: "fields" }, inputs.map(([limit, input, unit]) => field(limit, input, unit)));
  const text = "What is left empty stays as it is. The values are written into the script’s front matter: a new version.";
  if (!(await confirmed({ title: `Limits of ${name}`, text, action: "Change", content }))) return;
  const limits = Object.fromEntries(inputs.filter(([, input]) => input.value).map(([limit, input]) => [limit, Number(input.value)]));
  if (!Object.keys(limits).length) return;
  await patch(path, { limits }, { kind });
  say(`The limits of ${name} were changed.`);
  await changed(await get(path, { kind }));
}
