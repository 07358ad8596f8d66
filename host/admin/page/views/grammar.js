// The grammar playground: the grammar left, sample lines right, what was captured coloured in its place.

import { get, post } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { keepDraft, keptDraft } from "../core/drafts.js";
import { debounced } from "../core/poll.js";
import { go } from "../core/router.js";
import { refusal } from "../core/session.js";
import { action } from "../parts/action.js";
import { choice, field, head } from "../parts/bits.js";
import { confirmed } from "../parts/dialog.js";
import { editor } from "../parts/editor.js";
import { hints } from "../parts/hints.js";
import { material, places } from "../parts/material.js";
import { problem } from "../parts/problem.js";
import { say } from "../parts/toast.js";
import { asDecoder } from "./grammar/decoder.js";
import { exportsOf, startWith } from "./grammar/library.js";
import { grammarResult } from "./grammar/result.js";

const DRAFT = "grammar";
const TRY_MS = 600;
const EXAMPLE = `local l = require "lpeg"
l.locale(l)

local key = l.Cg(l.alpha^1, "key")
local number = l.Cg(l.digit^1 / tonumber, "number")

return l.Ct(key * "=" * number * -1)
`;
const LINES = "status=200\nstatus=abc\nretries=3";

export async function show(root) {
  const [where, { items: modules }, source] = await Promise.all([places(), get("/api/v1/library/modules"), hints()]);
  const results = h("div", { "aria-live": "polite" });
  const on = material(where, { kinds: ["records", "live"], kept: { kind: "records", records: keptDraft("grammar-lines") ?? LINES } });
  const module = choice([["", "Choose …"], ...moduleNames(modules)], "");
  const pattern = choice([["", "–"]], "");
  let last = null;

  const run = async () => {
    try {
      const given = on.read();
      if (given.records) keepDraft("grammar-lines", given.records.join("\n"));
      delete given.input;
      last = await post("/api/v1/grammars/test", { source: code.text, ...given });
      code.mark(last.error ? [last.error] : []);
      fill(results, grammarResult(last, code.goTo));
    } catch (fault) {
      fill(results, problem(fault, code.goTo));
    }
  };
  const soon = debounced(TRY_MS, () => { if (!refusal("operator", "") && "records" in on.read()) run(); });
  const code = await editor({
    text: keptDraft(DRAFT) ?? EXAMPLE, label: "Grammar", tall: true, onRun: run, hints: source,
    onChange: (text) => {
      keepDraft(DRAFT, text);
      soon();
    },
  });
  on.element.addEventListener("input", soon);
  let text = "";
  module.addEventListener("change", async () => {
    text = module.value ? await get(`/api/v1/library/modules/${module.value}`) : "";
    fill(pattern, exportsOf(text).map((name) => h("option", { value: name }, name)));
    begin();
  });
  pattern.addEventListener("change", () => begin());
  const begin = () => {
    if (module.value && pattern.value) code.text = startWith(module.value, pattern.value, text);
  };
  const save = async () => {
    await run();
    if (!last?.ok || !last.results.length) throw new Error("Try it on some lines first: they become the cases of the decoder.");
    const name = h("input", { required: true, pattern: "[a-z][a-z0-9_]*", value: "my_decoder" });
    if (!(await confirmed({ title: "Save as a decoder", text: "The lines become its cases. The editor opens with it, where it can be tried and deployed.", action: "Go on", content: field("Name of the decoder", name) }))) return;
    keepDraft("new", asDecoder(name.value, code.text, last.results));
    go(["edit"]);
    say("The decoder is in the editor.");
  };
  fill(root,
    head("Grammar", action({ label: "Save as decoder", role: "operator", sandbox: "", run: save })),
    h("p", { class: "hint" }, "Lua that returns an LPEG pattern, sets the global ", h("code", {}, "grammar"), ", or calls ", h("code", {}, "declare_grammar"), "."),
    h("div", { class: "halves" },
      h("section", { "aria-label": "Grammar" },
        h("div", { class: "fields" }, field("Start from the library", module), field("Its grammar", pattern)), code.element),
      h("section", { "aria-label": "Lines" },
        h("div", { class: "card" }, on.element, h("div", { class: "buttons" }, action({ label: "Try", kind: "primary", role: "operator", sandbox: "", run }))),
        results)));
  if (!refusal("operator", "")) await run();
}

/** The modules that seem to have grammars come first. */
function moduleNames(modules) {
  const seems = ({ summary }) => (/grammar|format|lines|log |separated/i.test(summary) ? 0 : 1);
  return modules.filter(({ summary }) => !summary.startsWith("The name under which")).sort((a, b) => seems(a) - seems(b))
    .map(({ name, summary }) => [name, `${name} – ${summary.length > 60 ? `${summary.slice(0, 60)}…` : summary}`]);
}
