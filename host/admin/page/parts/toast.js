// Short messages at the edge, which screen readers hear too.

import { h } from "../core/dom.js";

const SHOWN_MS = 6000;

export function say(text, kind = "ok") {
  const toast = h("p", { class: `toast ${kind}` }, text);
  document.getElementById("toasts").append(toast);
  setTimeout(() => toast.remove(), SHOWN_MS);
}

export function sayFault(fault) {
  say(fault.message, "fault");
}
