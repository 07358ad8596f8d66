import { fill, h } from "../core/dom.js";
import { link } from "../core/router.js";

export function show(root) {
  fill(root, h("h1", {}, "Not found"), h("p", {}, "There is no such view. ", h("a", { href: link([]) }, "To the start"), "."));
}
