import { get } from "../../core/api.js";
import { fill } from "../../core/dom.js";
import { editor } from "../../parts/editor.js";

export async function show(content, { path, kind, signal, detail }) {
  const text = await get(`${path}/source`, { kind }, signal);
  const shown = await editor({ text, label: "Source of the script", readOnly: true });
  fill(content, shown.element);
  shown.mark(detail().faults);
}
