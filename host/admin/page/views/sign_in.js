// Asks for a token.

import { h } from "../core/dom.js";
import { session } from "../core/session.js";

export function signIn(why, done) {
  const token = h("input", {
    id: "token", type: "password", required: true, autocomplete: "current-password", spellcheck: "false",
    "aria-describedby": "token-where token-fault",
  });
  const submit = (event) => {
    event.preventDefault();
    session.token = token.value.trim();
    done();
  };
  return h("main", { class: "sign-in", id: "content" },
    h("form", { class: "card", on: { submit } },
      h("h1", {}, h("img", { src: "icon.svg", alt: "", width: 34, height: 34 }), "Hekate"),
      h("label", { for: "token" }, "Token"),
      token,
      h("p", { id: "token-fault", class: "fault-text", role: "alert" }, why),
      h("button", { class: "primary", type: "submit" }, "Sign in"),
      h("p", { id: "token-where", class: "hint" },
        "The first one is in the file ", h("code", {}, "admin-token"), " of the host’s ", h("code", {}, "state_dir"),
        ". It is kept in this tab only.")));
}
