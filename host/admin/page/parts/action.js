// Buttons that do something. Who may not do it sees the button, and why it does nothing.

import { h } from "../core/dom.js";
import { refusal } from "../core/session.js";
import { confirmed } from "./dialog.js";
import { sayFault } from "./toast.js";

/**
 * A button.
 *
 * @param {object} what
 * @param {string} what.label
 * @param {string} what.role the least role that may
 * @param {string|null} [what.sandbox] which sandbox it is about; null: the whole host
 * @param {string} [what.why] why it cannot be done now, whoever asks
 * @param {object} [what.confirm] what is asked first
 * @param {() => Promise<void>} what.run
 */
export function action({ label, role, sandbox = null, why = "", confirm = null, run, kind = "", name = label }) {
  const refused = refusal(role, sandbox) || why;
  const button = h("button", {
    type: "button", class: kind, "aria-disabled": refused ? "true" : null, title: refused || null,
    "aria-description": refused || null, "aria-label": name === label ? null : name,
  }, label);
  button.addEventListener("click", async () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    if (confirm && !(await confirmed(confirm))) return;
    button.setAttribute("aria-disabled", "true");
    button.setAttribute("aria-busy", "true");
    try {
      await run();
    } catch (fault) {
      sayFault(fault);
    } finally {
      button.removeAttribute("aria-disabled");
      button.removeAttribute("aria-busy");
    }
  });
  return button;
}
