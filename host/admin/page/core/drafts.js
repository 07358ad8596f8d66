// Texts that were being written, kept for this tab so that looking elsewhere loses nothing.

const PREFIX = "hekate.draft.";

export function keptDraft(name) {
  return sessionStorage.getItem(PREFIX + name);
}

export function keepDraft(name, text) {
  sessionStorage.setItem(PREFIX + name, text);
}

export function dropDraft(name) {
  sessionStorage.removeItem(PREFIX + name);
}
