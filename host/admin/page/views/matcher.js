// Tries a message matcher.

import { post } from "../core/api.js";
import { fill, h, setText } from "../core/dom.js";
import { debounced } from "../core/poll.js";
import { keepQuery, link } from "../core/router.js";
import { refusal } from "../core/session.js";
import { action } from "../parts/action.js";
import { block, field, head, live } from "../parts/bits.js";
import { material, places } from "../parts/material.js";
import { message } from "../parts/message.js";
import { problem } from "../parts/problem.js";

const CHECK_MS = 400;

export async function show(root, { query }) {
  const where = await places();
  const match = h("input", { value: query.match ?? "Fields[status] >= 500", class: "code", spellcheck: "false" });
  const on = material(where);
  const validity = live();
  const marked = h("div", {});
  const results = h("div", { "aria-live": "polite" });

  const check = async () => {
    if (refusal("operator", "")) return;
    keepQuery({ match: match.value });
    await tell(await post("/api/v1/matchers/test", { match: match.value }));
  };
  const tell = ({ valid, problem: words }) => {
    setText(validity, valid ? "✓ The matcher is valid." : "✕ The matcher is not valid.");
    fill(marked, valid ? null : block(words, "What is wrong with the matcher"));
  };
  const run = async () => {
    fill(results);
    try {
      const found = await post("/api/v1/matchers/test", { match: match.value, ...on.read() });
      tell(found);
      fill(results, found.valid ? shown(found.results) : null);
    } catch (fault) {
      fill(results, problem(fault));
    }
  };
  match.addEventListener("input", debounced(CHECK_MS, () => check().catch((fault) => fill(results, problem(fault)))));
  fill(root,
    head("Matcher"),
    h("p", { class: "hint" }, "Which records does a message matcher accept? ", h("a", { href: "/docs" }, "The API"), " has the same as POST /api/v1/matchers/test."),
    h("div", { class: "card" },
      field("Message matcher", match, "Type == 'nginx.access' && Fields[status] >= 500"), validity, marked, on.element,
      h("div", { class: "buttons" }, action({ label: "Test", role: "operator", sandbox: "", kind: "primary", run }),
        h("a", { class: "button", href: link(["tap"]) }, "Watch in the tap"))),
    results);
  await check();
}

function shown(results) {
  const matched = results.filter((each) => each.matched).length;
  return [h("h2", {}, `${matched} of ${results.length} match`), results.map((each) => h("div", { class: `trial ${each.matched ? "" : each.failure ? "failed" : "passed-by"}` },
    h("strong", {}, each.matched ? "✓ matches" : each.failure ? `✕ ${each.failure}` : "– does not match"),
    typeof each.given === "string" ? h("div", { class: "in" }, each.given) : message(each.given ?? {})))];
}
