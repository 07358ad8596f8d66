// The frame around every view: navigation, whether the host is ready, who is signed in, light or dark.

import { get } from "./core/api.js";
import { fill, h, setText } from "./core/dom.js";
import { every } from "./core/poll.js";
import { link } from "./core/router.js";
import { session } from "./core/session.js";
import { navigation } from "./views/index.js";

const THEME = "hekate.theme";
const THEMES = { auto: "As the system", light: "Light", dark: "Dark" };
const READY_MS = 5000;
const NOT_READY = ["dead", "stuck", "paused"];
let onGraph = () => {};

applyTheme();

/** Make the frame around a `main`. */
export function frame(main, signOut) {
  const status = h("a", { class: "host-status", href: link([]), "aria-live": "polite" });
  watchReadiness(status);
  return [
    h("header", { class: "bar" },
      h("a", { class: "brand", href: link([]) }, h("img", { src: "icon.svg", alt: "", width: 26, height: 26 }), "Hekate"),
      status,
      h("div", { class: "who" },
        themeChoice(),
        h("span", { class: "user", title: scope() }, session.caller.name, h("span", { class: "tag" }, session.caller.role)),
        h("button", { class: "quiet", type: "button", on: { click: signOut } }, "Sign out")),
    ),
    h("nav", { class: "side", "aria-label": "Views" }, h("ul", {}, navigation().map(({ parts, title }) =>
      h("li", {}, h("a", { href: link(parts), "data-view": parts[0] ?? "" }, title)))),
    h("p", { class: "elsewhere" }, h("a", { href: "/docs" }, "API"), h("a", { href: "vendor/LICENCES.txt" }, "Licences"))),
    main,
  ];
}

function scope() {
  const { sandboxes } = session.caller;
  return sandboxes === null ? "For the whole host" : `For sandboxes that begin with ${sandboxes.join(", ")}`;
}

/** Mark the view that is shown in the navigation. */
export function markNavigation(view) {
  for (const each of document.querySelectorAll("nav.side a[data-view]")) {
    if (each.dataset.view === view) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
}

function watchReadiness(status) {
  const text = h("span", {}, "…");
  fill(status, h("span", { class: "dot", "aria-hidden": "true" }), text);
  const show = (health, words) => {
    status.dataset.health = health;
    setText(text, words);
  };
  let toldMs = -Infinity;
  const tell = (wrong) => {
    if (!wrong.length) show("ok", "Ready");
    else show("dead", wrong.length === 1 ? `${wrong[0]} is not ready` : `${wrong.length} components are not ready`);
  };
  const look = async () => {
    if (!status.isConnected) return leaving.abort();
    if (performance.now() - toldMs < READY_MS) return;
    const { components } = await get("/api/v1/readiness");
    tell(components.filter((each) => !each.ready).map((each) => each.component));
  };
  onGraph = ({ nodes }) => {
    toldMs = performance.now();
    tell(nodes.filter((node) => NOT_READY.includes(node.health)).map((node) => node.id));
  };
  const leaving = new AbortController();
  queueMicrotask(() => look().catch(() => show("dead", "No answer")));
  every(READY_MS, leaving.signal, look, () => show("dead", "No answer"));
}

/** Tell of the graph, so that a page that shows it need not ask for readiness: many of them may be open all day. */
export function tellGraph(graph) {
  onGraph(graph);
}

function themeChoice() {
  const choice = h("select", { "aria-label": "Colours", class: "quiet" },
    Object.entries(THEMES).map(([value, title]) => h("option", { value, selected: value === theme() }, title)));
  choice.addEventListener("change", () => {
    localStorage.setItem(THEME, choice.value);
    applyTheme();
  });
  return choice;
}

function theme() {
  const kept = localStorage.getItem(THEME);
  return kept in THEMES ? kept : "auto";
}

function applyTheme() {
  document.documentElement.dataset.theme = theme();
}
