import { all } from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { moment } from "../../core/format.js";

export async function show(content, context) {
  const { path, kind, signal } = context;
  const list = h("ul", { class: "records", "aria-label": "What the script has printed" });
  const load = async () => {
    const lines = await all(`${path}/logs`, { kind }, signal);
    const last = `${lines.length} ${lines.at(-1)?.time_ns}`;
    if (list.dataset.last === last) return;
    list.dataset.last = last;
    fill(list, lines.length
      ? lines.reverse().map((line) => h("li", {}, h("span", { class: "hint" }, `${moment(line.time_ns)} ${line.process} `), h("code", {}, line.text)))
      : h("li", { class: "empty" }, "It has printed nothing lately."));
  };
  context.refresh = load;
  fill(content, h("p", { class: "hint" }, "The last lines of print(), newest first."), list);
  await load();
}
