// What the script of a filter offers to the outside: functions that its front matter names.

import { all, get, post } from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { action } from "../../parts/action.js";
import { block, field } from "../../parts/bits.js";

export async function show(content, { path, kind, name, signal }) {
  const readouts = await all(`${path}/readouts`, { kind }, signal);
  fill(content, readouts.length ? readouts.map((each) => one(each, path, name)) : h("p", { class: "empty" },
    "Its front matter offers none: see `readouts` in the description of the API."));
}

function one({ name: readout, description, changes }, path, sandbox) {
  const given = h("input", { class: "code", id: `arguments-${readout}`, spellcheck: "false", placeholder: "key=10.0.0.1 count=5" });
  const answer = h("div", { "aria-live": "polite" });
  const place = `${path}/readouts/${encodeURIComponent(readout)}`;
  return h("section", { class: "card", "aria-label": readout },
    h("h2", {}, readout), h("p", {}, description),
    field("Arguments", given, "Names and values, if it takes any."),
    h("div", { class: "buttons" }, action({
      label: changes ? "Carry out" : "Read", name: `${changes ? "Carry out" : "Read"} ${readout}`, role: changes ? "operator" : "viewer", sandbox,
      confirm: changes ? { title: `Carry out ${readout}?`, text: `It changes what ${sandbox} knows. ${description}`, action: "Carry out" } : null,
      run: async () => {
        const { value } = changes ? await post(place, argumentsOf(given.value)) : await get(place, argumentsOf(given.value));
        fill(answer, block(typeof value === "string" ? value : JSON.stringify(value, null, 2), `What ${readout} answers`));
      },
    })),
    answer);
}

function argumentsOf(text) {
  return Object.fromEntries(text.split(/\s+/).filter(Boolean).map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
  }));
}
