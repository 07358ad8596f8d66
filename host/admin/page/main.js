// The page: signing in, the frame around the views, and which view is shown.

import { Problem, get, onSignedOut } from "./core/api.js";
import { fill, h } from "./core/dom.js";
import { here } from "./core/router.js";
import { session } from "./core/session.js";
import { problem } from "./parts/problem.js";
import { sayFault } from "./parts/toast.js";
import { frame, markNavigation } from "./shell.js";
import { signIn } from "./views/sign_in.js";
import { viewOf } from "./views/index.js";

const app = document.getElementById("app");
let main = null;
let leaving = new AbortController();

async function start() {
  if (!session.token) return askForToken("");
  try {
    session.caller = await get("/api/v1/caller");
  } catch (fault) {
    return askForToken(fault.message);
  }
  main = h("main", { id: "content", tabindex: "-1" });
  fill(app, frame(main, signOut));
  await show();
}

function askForToken(why) {
  leaving.abort();
  main = null;
  session.caller = null;
  fill(app, signIn(why, start));
  app.querySelector("input")?.focus();
}

function signOut() {
  session.token = "";
  askForToken("");
}

/** Show the view that the address names; what the one before was doing ends. */
async function show() {
  if (!main) return;
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { parts, query } = here();
  const { title, load } = viewOf(parts);
  document.title = `${title} – Hekate`;
  markNavigation(parts[0] ?? "");
  const root = h("div", { class: "view" });
  try {
    const view = await load();
    if (signal.aborted) return;
    await view.show(root, { parts: parts.slice(1), query, signal });
  } catch (fault) {
    if (signal.aborted) return;
    fill(root, h("h1", {}, title), problem(fault));
  }
  if (signal.aborted) return;
  fill(main, root);
  root.dispatchEvent(new CustomEvent("shown"));
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
}

onSignedOut(() => {
  session.token = "";
  askForToken("Your token is not known to the host. Sign in again.");
});
addEventListener("hashchange", () => {
  if (location.hash === "#content") {
    main?.focus();
    return;
  }
  show();
});
addEventListener("unhandledrejection", (event) => {
  const isLeft = event.reason?.name === "AbortError";
  if (isLeft || event.reason instanceof Problem) event.preventDefault();
  if (!isLeft && event.reason instanceof Problem) sayFault(event.reason);
});
start();
