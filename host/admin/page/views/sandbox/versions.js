// The history of a script: looking at a version, and going back to it.

import { all, get, post } from "../../core/api.js";
import { fill, h } from "../../core/dom.js";
import { moment } from "../../core/format.js";
import { action } from "../../parts/action.js";
import { scroller } from "../../parts/bits.js";
import { changedLines } from "../../parts/diff.js";
import { say } from "../../parts/toast.js";

export async function show(content, context) {
  const { path, kind, name, signal, detail } = context;
  const look = h("div", {});
  const load = async () => {
    const versions = await all(`${path}/versions`, { kind }, signal);
    fill(content, versions.length ? list(versions.reverse()) : h("p", { class: "empty" }, "No version of it is known: it did not come from the drop-in directory."), look);
  };
  const list = (versions) => scroller("Versions", h("table", {},
    h("thead", {}, h("tr", {}, ["Version", "Since", "By", "SHA-256", ""].map((title) => h("th", { scope: "col" }, title)))),
    h("tbody", {}, versions.map((each, place) => row(each, versions[place + 1])))));
  const row = (each, before) => {
    const runs = each.version === detail().version;
    return h("tr", {}, h("th", { scope: "row" }, `${each.version}${runs ? " (runs)" : ""}`), h("td", {}, moment(each.time_ns)), h("td", {}, each.who),
      h("td", {}, h("code", {}, each.sha256.slice(0, 12))),
      h("td", {}, h("div", { class: "buttons" },
        action({ label: "Look", name: `Look at version ${each.version}`, role: "viewer", sandbox: name, run: () => open(each, before) }),
        action({
          label: "Roll back", name: `Roll back to version ${each.version}`, role: "admin", sandbox: name, why: runs ? "This version runs." : "",
          confirm: { title: `Roll back ${name} to version ${each.version}?`, text: "It is checked and loaded like any other script, while data flows.", action: "Roll back" },
          run: async () => {
            await post(`${path}/versions/${each.version}/restore`, undefined, { kind });
            say(`${name} is at version ${each.version} again.`);
            await context.reload();
            await load();
          },
        }))));
  };
  const open = async (version, before) => {
    const text = await get(`${path}/versions/${version.version}`, { kind });
    const old = before ? await get(`${path}/versions/${before.version}`, { kind }) : "";
    fill(look, h("h2", { tabindex: "-1" }, before ? `Version ${version.version}, compared with ${before.version}` : `Version ${version.version}`), changedLines(old, text));
    look.querySelector("h2").focus();
  };
  await load();
}
