// Which lines of a script have changed.

import { h } from "../core/dom.js";

const MOST_LINES = 1500;

/** The new text, with the lines that came and went. */
export function changedLines(before, after) {
  const old = before ? before.split("\n") : [];
  const now = after.split("\n");
  const lines = old.length > MOST_LINES || now.length > MOST_LINES ? now.map((text) => [" ", text]) : compared(old, now);
  return h("pre", { tabindex: "0", role: "region", "aria-label": "Source", class: "diff" },
    lines.map(([sign, text]) => h("span", { class: sign === "+" ? "came" : sign === "-" ? "went" : "" }, `${old.length ? `${sign} ` : ""}${text}\n`)));
}

/** Lines with ` `, `+` or `-`, by the longest common subsequence. */
function compared(old, now) {
  const width = now.length + 1;
  const length = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = now.length - 1; j >= 0; j -= 1) {
      length[i * width + j] = old[i] === now[j]
        ? length[(i + 1) * width + j + 1] + 1
        : Math.max(length[(i + 1) * width + j], length[i * width + j + 1]);
    }
  }
  const lines = [];
  let i = 0;
  let j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      lines.push([" ", now[j]]);
      i += 1;
      j += 1;
    } else if (j >= now.length || (i < old.length && length[(i + 1) * width + j] >= length[i * width + j + 1])) {
      lines.push(["-", old[i]]);
      i += 1;
    } else {
      lines.push(["+", now[j]]);
      j += 1;
    }
  }
  return lines;
}
