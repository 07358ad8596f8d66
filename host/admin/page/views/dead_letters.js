// Records that could not be decoded, processed or delivered: look, try again, drop.

import { get, post } from "../core/api.js";
import { fill, h } from "../core/dom.js";
import { bytes, count, momentOf, plural } from "../core/format.js";
import { debounced } from "../core/poll.js";
import { keepQuery, link } from "../core/router.js";
import { action } from "../parts/action.js";
import { choice, field, head, live, scroller } from "../parts/bits.js";
import { places } from "../parts/material.js";
import { say } from "../parts/toast.js";
import { componentOf, letterWhole } from "./dead_letters/letter.js";

const KINDS = [["", "Everything"], ["decoder", "Decoders"], ["filter", "Filters"], ["encoder", "Encoders"], ["inputs", "Inputs"], ["outputs", "Outputs"]];
const PAGE = 100;
const SHORT = 200;

export async function show(root, { parts: [id], query, signal }) {
  const { inputs } = await places();
  if (id) return showOne(root, id, inputs);
  const component = h("input", { value: query.component ?? "", type: "search" });
  const kind = choice(KINDS, query.kind ?? "");
  const reason = h("input", { value: query.reason ?? "", type: "search" });
  const input = inputChoice(inputs);
  const found = live();
  const usage = h("p", { class: "hint" });
  const body = h("tbody", {});
  const more = h("button", { type: "button", hidden: true }, "Older ones");
  const everyone = h("input", { type: "checkbox", "aria-label": "Choose all that are shown" });
  const chosen = new Set();
  let cursor = null;
  let shown = 0;
  let asked = 0;

  const filter = () => ({ component: component.value.trim(), kind: kind.value, reason: reason.value });
  const load = async (isMore) => {
    asked += 1;
    const mine = asked;
    if (!isMore) {
      chosen.clear();
      everyone.checked = false;
      fill(body);
      shown = 0;
    }
    if (!isMore) fill(usage, usageText(await get("/api/v1/dead-letters/usage", {}, signal)));
    const page = await get("/api/v1/dead-letters", { ...filter(), limit: PAGE, cursor: isMore ? cursor : undefined }, signal);
    if (mine !== asked) return;  // something else was asked for meanwhile
    ({ next_cursor: cursor } = page);
    more.hidden = !cursor;
    shown += page.items.length;
    body.append(...page.items.map(row));
    if (!shown) fill(body, h("tr", {}, h("td", { colspan: 5, class: "empty" }, cursor ? "None so far; look at older ones." : "There are no dead letters like this.")));
    tell();
  };
  const row = (letter) => {
    const box = h("input", { type: "checkbox", "aria-label": `Choose ${letter.id}`, "data-id": letter.id });
    box.addEventListener("change", () => {
      if (box.checked) chosen.add(letter.id);
      else chosen.delete(letter.id);
      tell();
    });
    const text = letter.record ?? "(bytes that are no text)";
    return h("tr", {}, h("td", {}, box), h("th", { scope: "row" }, h("a", { href: link(["dead-letters", letter.id]) }, momentOf(letter.time))),
      h("td", {}, componentOf(letter)), h("td", {}, h("div", { class: "wrap" }, letter.reason)),
      h("td", {}, h("code", { class: "wrap" }, text.length > SHORT ? `${text.slice(0, SHORT)}…` : text)));
  };
  const tell = () => {
    found.textContent = `${plural(shown, "letter")} shown${cursor ? ", there are older ones" : ""}; ${chosen.size ? `${chosen.size} chosen` : "none chosen: buttons are for all that fit"}.`;
  };
  everyone.addEventListener("change", () => {
    for (const box of body.querySelectorAll("input[data-id]")) {
      box.checked = everyone.checked;
      if (everyone.checked) chosen.add(box.dataset.id);
      else chosen.delete(box.dataset.id);
    }
    tell();
  });
  const again = debounced(250, () => {
    if (signal.aborted) return;
    keepQuery(filter());
    load(false);
  });
  for (const control of [component, kind, reason]) control.addEventListener("input", again);
  more.addEventListener("click", () => load(true));
  const selection = () => {
    const { kind: of, ...rest } = filter();
    return chosen.size ? { ids: [...chosen] } : { ...rest, kind: of || null };
  };
  fill(root,
    head("Dead letters",
      h("button", { type: "button", on: { click: () => load(false) } }, "Look again"),
      action({
        label: "Replay", role: "operator",
        confirm: { title: "Try these records again?", text: "A record that fails again is a new letter. At most a thousand are tried at once.", action: "Replay" },
        run: async () => {
          tellDone("replayed", await post("/api/v1/dead-letters/replay", { ...selection(), input: input.value || null }));
          await load(false);
        },
      }),
      action({
        label: "Drop", kind: "danger", role: "operator",
        confirm: { title: "Drop these records for good?", text: "They cannot be brought back.", action: "Drop" },
        run: async () => {
          tellDone("dropped", await post("/api/v1/dead-letters/drop", selection()));
          await load(false);
        },
      })),
    h("p", { class: "hint" }, "What could not be decoded, processed or delivered is kept here with its reason, so that it can be tried again once the cause is mended."),
    h("div", { class: "fields" }, field("Component", component), field("Refused by", kind), field("Reason has", reason), inputs.length > 1 ? field("Replay through", input) : null),
    usage, found,
    scroller("Dead letters", h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, everyone), ["When", "Refused by", "Reason", "Record"].map((title) => h("th", { scope: "col" }, title)))), body)),
    more);
  await load(false);
}

async function showOne(root, id, inputs) {
  const path = `/api/v1/dead-letters/${encodeURIComponent(id)}`;
  const letter = await get(path);
  const input = inputChoice(inputs);
  const back = () => { location.hash = link(["dead-letters"]); };
  fill(root,
    head("Dead letter",
      action({
        label: "Replay", role: "operator",
        run: async () => {
          tellDone("replayed", await post("/api/v1/dead-letters/replay", { ids: [id], input: input.value || null }));
          back();
        },
      }),
      action({
        label: "Drop", kind: "danger", role: "operator",
        confirm: { title: "Drop this record for good?", text: "It cannot be brought back.", action: "Drop" },
        run: async () => {
          tellDone("dropped", await post("/api/v1/dead-letters/drop", { ids: [id] }));
          back();
        },
      })),
    inputs.length > 1 ? field("Replay through", input, "Whose decoders make a message of what a filter or an encoder has failed at.") : null,
    letterWhole(letter),
    h("p", {}, h("a", { href: link(["dead-letters"]) }, "All dead letters")));
}

/** The disk space that dead letters use, and the records that were deleted to stay below its limit. */
function usageText({ bytes: used, max_bytes: limit, deleted_records: records, deleted_bytes: size }) {
  const kept = `${bytes(used)} of at most ${bytes(limit)} used (hekate.dead_letters.max_bytes).`;
  return records ? `${kept} Deleted since the host started, oldest first: ${count(records)} records, ${bytes(size)}.` : `${kept} None deleted since the host started.`;
}

function inputChoice(inputs) {
  return choice([["", "The input that it came by"], ...inputs.map((name) => [name, name])], "");
}

function tellDone(verb, { done, failed }) {
  const reasons = Object.values(failed);
  if (reasons.length) say(`${plural(done.length, "letter")} ${verb}, ${reasons.length} not: ${reasons[0]}`, "fault");
  else say(`${plural(done.length, "letter")} ${verb}.`);
}
