import { get, remove } from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { bytes, count, moment } from "../../core/format.js";
import { action } from "../../parts/action.js";
import { facts } from "../../parts/bits.js";
import { say } from "../../parts/toast.js";

export async function show(content, context) {
  const { path, kind, name, signal } = context;
  const shown = h("div", {});
  const load = async () => {
    const state = await get(`${path}/state`, { kind }, signal);
    fill(shown, facts([
      ["Preserved", state.preserved ? "yes" : "no"], ["Version", state.version ?? "–"], ["Size", bytes(state.bytes)],
      ["Saved", moment(state.saved_ns)], ["Packs since then", count(state.packs_since)],
    ]));
    return state;
  };
  const state = await load();
  context.refresh = load;
  fill(content,
    h("p", {}, state.preserved
      ? "Its global variables outlive its process, edits, and the host."
      : "It keeps nothing: its front matter or the configuration would have to say preserve_data."),
    shown,
    action({
      label: "Reset the state", kind: "danger", role: "admin", sandbox: name, why: state.preserved ? "" : "It preserves no state.",
      confirm: { title: `Reset the state of ${name}?`, text: "The filter begins anew: what it has counted and remembered is gone.", action: "Reset" },
      run: async () => {
        await remove(`${path}/state`, { kind });
        say(`The state of ${name} was reset.`);
        await load();
      },
    }));
}
