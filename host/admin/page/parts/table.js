// Tables whose rows can be sorted by the head of a column.

import { fill, h } from "../core/dom.js";
import { scroller } from "./bits.js";

/**
 * A table.
 *
 * @param {string} label what it lists
 * @param {{title: string, cell: (item: any) => any, by?: (item: any) => any, number?: boolean}[]} columns `by` is what
 *   a column is sorted by; a column without it cannot be.
 * @param {string} empty what is said if there is nothing
 */
export function table(label, columns, empty) {
  const body = h("tbody", {});
  const heads = columns.map((column, place) => h("th", { scope: "col", class: column.number ? "number" : null },
    column.by ? h("button", { class: "sort", type: "button", on: { click: () => sort(place) } }, column.title) : column.title));
  const element = scroller(label, h("table", {}, h("thead", {}, h("tr", {}, heads)), body));
  let items = [];
  let sorted = { place: -1, up: true };

  function sort(place) {
    const { by } = columns[place];
    const up = sorted.place === place ? !sorted.up : typeof (items[0] && by(items[0])) !== "number";
    sorted = { place, up };
    heads.forEach((each, index) => {
      if (index === place) each.setAttribute("aria-sort", up ? "ascending" : "descending");
      else each.removeAttribute("aria-sort");
    });
    draw();
  }

  function draw() {
    const by = columns[sorted.place]?.by;
    const order = by ? [...items].sort((a, b) => compare(by(a), by(b)) * (sorted.up ? 1 : -1)) : items;
    const focused = body.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    fill(body, order.length ? order.map((item) => h("tr", {}, columns.map((column, place) => h(place ? "td" : "th", {
      scope: place ? null : "row", class: column.number ? "number" : null, "data-title": column.title,
    }, column.cell(item))))) : h("tr", {}, h("td", { colspan: columns.length, class: "empty" }, empty)));
    if (focused) [...body.querySelectorAll("a, button, input")].find((each) => keyOf(each) === focused)?.focus();
  }

  return {
    element,
    /** Show these items. */
    show(given) {
      items = given;
      draw();
    },
  };
}

/** What stays the same of something that can have the focus, if its row is drawn anew. */
function keyOf(element) {
  return element.getAttribute("href") ?? element.getAttribute("aria-label") ?? element.textContent;
}

function compare(a, b) {
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}
