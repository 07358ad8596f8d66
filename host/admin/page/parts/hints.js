// What the editor offers: keys of the front matter, options of the script, functions, modules.

import { get } from "../core/api.js";

/** A source of completions for CodeMirror. */
export async function hints() {
  const [scripting, modules] = await Promise.all([get("/api/v1/library/scripting"), get("/api/v1/library/modules")]);
  const keys = scripting.front_matter.map((option) => ({ ...option, path: option.name.split(".") }));
  const functions = scripting.functions.map((each) => ({
    label: each.name, type: "function", detail: each.signature.slice(each.name.length), info: `In ${each.kinds} ${each.prose}`,
  }));
  const names = modules.items.map((each) => ({ label: each.name, type: "namespace", info: each.summary }));
  return (context) => {
    const before = context.state.doc.sliceString(0, context.pos);
    if (inFrontMatter(before)) return matterHints(context, before, keys);
    const required = context.matchBefore(/require\s*\(?\s*["'][\w.]*/);
    if (required) return { from: required.from + required.text.search(/["']/) + 1, options: names };
    const option = context.matchBefore(/read_config\s*\(?\s*["']\w*/);
    if (option) return { from: option.from + option.text.search(/["']/) + 1, options: optionsOf(context.state.doc.toString()) };
    const word = context.matchBefore(/[\w.]+/);
    return word || context.explicit ? { from: word?.from ?? context.pos, options: functions } : null;
  };
}

/** Whether the place behind this text is between the two lines of `---`. */
function inFrontMatter(before) {
  return /^\s*--\[=*\[/.test(before) && [...before.matchAll(/^---[ \t]*$/gm)].length === 1;
}

function matterHints(context, before, keys) {
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const value = /^\s*([a-z_]+):\s*(\w*)$/.exec(line);
  if (value) {
    const key = keys.find((each) => each.name === value[1]);
    const choices = key?.choices ?? (key?.type === "boolean" ? ["true", "false"] : []);
    return choices.length ? { from: context.pos - value[2].length, options: choices.map((label) => ({ label: String(label), type: "constant" })) } : null;
  }
  const [, indent, word] = /^(\s*)(\w*)$/.exec(line) ?? [];
  if (word === undefined || (!word && !context.explicit)) return null;
  const parent = indent ? /^([a-z_]+):[^\n]*\n(?:[ \t]+[^\n]*\n)*$/m.exec(lastBlock(before))?.[1] : "";
  const fitting = keys.filter(({ path }) => (indent ? path.length > 1 && path[0] === parent : path.length === 1));
  const groups = indent ? [] : [...new Set(keys.filter(({ path }) => path.length > 1).map(({ path }) => path[0]))];
  return {
    from: context.pos - word.length,
    options: [
      ...fitting.map((key) => ({ label: key.path.at(-1), apply: `${key.path.at(-1)}: `, type: "property", detail: about(key), info: key.description })),
      ...groups.map((label) => ({ label, apply: `${label}:\n  `, type: "property", info: `Mapping of ${keys.filter((key) => key.path[0] === label).map((key) => key.path.at(-1)).join(", ")}` })),
    ],
  };
}

/** The text from the last key that is not indented, without the line that is being written. */
function lastBlock(before) {
  const lines = before.slice(0, before.lastIndexOf("\n") + 1);
  const starts = [...lines.matchAll(/^[a-z_]+:/gm)];
  return starts.length ? lines.slice(starts.at(-1).index) : "";
}

function about({ type, required, default: value }) {
  return required ? `${type}, required` : value === null || typeof value === "object" ? type : `${type}, ${value}`;
}

/** The options that the script's own front matter declares. */
function optionsOf(text) {
  const block = /^config:[ \t]*\n((?:[ \t]+[^\n]*\n)+)/m.exec(text)?.[1] ?? "";
  const indent = /^[ \t]+/.exec(block)?.[0] ?? "  ";
  return [...block.matchAll(new RegExp(`^${indent}(\\w+):(.*)$`, "gm"))].map(([, label, rest]) => ({ label, type: "property", info: rest.trim() }));
}
