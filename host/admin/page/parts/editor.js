// The Lua editor: CodeMirror, or a plain text area where the bundles were not built.

import { fill, h } from "../core/dom.js";

let bundle;

/** The bundle of CodeMirror; null if it was not built. */
function codemirror() {
  bundle ??= import("../vendor/editor.js").catch(() => null);
  return bundle;
}

const NOT_BUILT = "The editor was not built into this installation: scripts/build_page makes it, with npm. A text area takes its place.";

/**
 * An editor.
 *
 * @param {object} what
 * @param {string} what.text
 * @param {string} what.label for screen readers
 * @param {boolean} [what.readOnly]
 * @param {boolean} [what.tall]
 * @param {(text: string) => void} [what.onChange]
 * @param {() => void} [what.onRun] for Ctrl+Enter
 * @param {(context: any) => any} [what.hints] a source of completions, as CodeMirror has them
 */
export async function editor({ text, label, readOnly = false, tall = false, onChange = () => {}, onRun = null, hints = null }) {
  const element = h("div", { class: tall ? "editor tall" : "editor" });
  const code = await codemirror();
  if (!code) return plain(element, { text, label, readOnly, onChange });
  // In a shadow root CodeMirror adopts its style sheets; elsewhere it would write <style>, which the content policy forbids.
  const root = element.attachShadow({ mode: "open" });
  const view = new code.EditorView({
    parent: root,
    root,
    state: code.EditorState.create({ doc: text, extensions: extensions(code, { label, readOnly, tall, onChange, onRun, hints }) }),
  });
  return {
    element,
    get text() {
      return view.state.doc.toString();
    },
    set text(value) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: value } });
    },
    goTo(line) {
      const { from } = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
      view.dispatch({ selection: { anchor: from }, effects: code.EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    /** Mark faults at their lines; those of other files are left out. */
    mark(faults) {
      const marks = faults.filter((fault) => fault.line >= 1 && fault.line <= view.state.doc.lines).map((fault) => {
        const { from, to } = view.state.doc.line(fault.line);
        return { from, to, severity: "error", message: fault.message };
      });
      view.dispatch(code.setDiagnostics(view.state, marks));
    },
  };
}

function extensions(code, { label, readOnly, tall, onChange, onRun, hints }) {
  const run = { key: "Mod-Enter", run: () => { onRun(); return true; } };
  return [
    code.lineNumbers(), code.highlightSpecialChars(), code.drawSelection(), code.bracketMatching(),
    code.indentUnit.of("  "), code.EditorState.tabSize.of(2), code.EditorView.lineWrapping,
    code.StreamLanguage.define(code.lua), code.syntaxHighlighting(colours(code)), look(code, tall),
    code.EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
    // Tab is left to the browser, so that nobody who uses the keyboard is caught in here.
    code.keymap.of([...(onRun ? [run] : []), ...code.completionKeymap, ...code.searchKeymap, ...code.historyKeymap, ...code.defaultKeymap]),
    readOnly
      ? [code.EditorState.readOnly.of(true), code.EditorView.editable.of(false)]
      : [code.history(), code.lintGutter(), code.highlightActiveLine(), hints ? code.autocompletion({ override: [hints] }) : []],
    code.EditorView.updateListener.of((update) => {
      if (update.docChanged) onChange(update.state.doc.toString());
    }),
  ];
}

function colours({ HighlightStyle, tags }) {
  return HighlightStyle.define([
    { tag: tags.keyword, color: "light-dark(#8a2da5, #d2a8ff)" },
    { tag: tags.string, color: "light-dark(#0a5c36, #8ddb8c)" },
    { tag: tags.number, color: "light-dark(#0550ae, #79c0ff)" },
    { tag: tags.comment, color: "light-dark(#57606a, #a0abb6)", fontStyle: "italic" },
    { tag: [tags.standard(tags.variableName), tags.atom], color: "light-dark(#953800, #ffa657)" },
  ]);
}

function look({ EditorView }, tall) {
  return EditorView.theme({
    "&": { backgroundColor: "transparent", color: "var(--text)", fontSize: ".9rem", maxHeight: "70vh", minHeight: tall ? "22rem" : "0" },
    ".cm-scroller": { overflow: "auto" },
    "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
    ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--text)" },
    ".cm-cursor": { borderLeftColor: "var(--text)" },
    ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--dim)", borderRight: "1px solid var(--line)" },
    ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 8%, transparent)" },
    "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "light-dark(#b9dcff, #264f78) !important" },
    ".cm-tooltip, .cm-panels": { backgroundColor: "var(--surface)", color: "var(--text)", border: "1px solid var(--line)" },
    ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
    ".cm-completionInfo": { maxWidth: "24rem" },
  });
}

function plain(element, { text, label, readOnly, onChange }) {
  const area = h("textarea", { "aria-label": label, readonly: readOnly, spellcheck: "false" });
  area.value = text;
  area.addEventListener("input", () => onChange(area.value));
  fill(element, h("p", { class: "notice" }, NOT_BUILT), area);
  return {
    element,
    get text() {
      return area.value;
    },
    set text(value) {
      area.value = value;
      onChange(value);
    },
    goTo(line) {
      const at = area.value.split("\n").slice(0, line - 1).join("\n").length;
      area.focus();
      area.setSelectionRange(at, at);
    },
    mark() {},
  };
}
