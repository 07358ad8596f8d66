// All views: what the first part of the address names, which of them stand in the navigation.

import { session } from "../core/session.js";

const VIEWS = {
  "": { title: "Overview", load: () => import("./overview.js"), host: true },
  sandboxes: { title: "Sandboxes", load: () => import("./sandboxes.js") },
  edit: { title: "New script", load: () => import("./edit.js") },
  grammar: { title: "Grammar", load: () => import("./grammar.js") },
  matcher: { title: "Matcher", load: () => import("./matcher.js") },
  tap: { title: "Tap", load: () => import("./tap.js"), host: true },
  "dead-letters": { title: "Dead letters", load: () => import("./dead_letters.js"), host: true },
  config: { title: "Configuration", load: () => import("./config.js"), host: true },
  metrics: { title: "Metrics", load: () => import("./metrics.js"), host: true },
  components: { title: "Component", load: () => import("./component.js"), host: true, hidden: true },
};

/** The view that the address names. */
export function viewOf(parts) {
  if (parts[0] === "sandboxes" && parts.length > 2) return { title: parts[2], load: () => import("./sandbox.js") };
  if (parts[0] === "edit" && parts.length > 2) return { title: `Edit ${parts[2]}`, load: VIEWS.edit.load };
  if (parts.length === 0 && !session.ofHost) return VIEWS.sandboxes;
  return VIEWS[parts[0] ?? ""] ?? { title: "Not found", load: () => import("./not_found.js") };
}

/** What stands in the navigation, for whoever is signed in. */
export function navigation() {
  return Object.entries(VIEWS)
    .filter(([, view]) => !view.hidden && (session.ofHost || !view.host))
    .map(([name, view]) => ({ parts: name ? [name] : [], title: view.title }));
}
