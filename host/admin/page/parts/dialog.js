// Questions, in the browser's own modal dialog: it keeps the focus, and Escape closes it.

import { h, uniqueId } from "../core/dom.js";

/**
 * Ask before something is done.
 *
 * @returns {Promise<boolean>} whether it is to be done
 */
export async function confirmed({ title, text, action, content = null }) {
  const id = uniqueId("dialog");
  const dialog = h("dialog", { "aria-labelledby": id },
    h("form", { method: "dialog" },
      h("h2", { id }, title),
      text ? h("p", {}, text) : null,
      content,
      h("div", { class: "buttons" },
        h("button", { value: "yes", class: "primary" }, action),
        h("button", { value: "no", formnovalidate: true }, "Cancel"))));
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  dialog.remove();
  return dialog.returnValue === "yes";
}
