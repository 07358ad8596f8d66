// Asks the API. Every request of the page goes through here, and to this host only.

import { session } from "./session.js";

/** What the API answers if something is wrong: problem details (RFC 9457). */
export class Problem extends Error {
  constructor(status, { title = "", detail = "", errors = [] }) {
    super(detail || title || `The host answered with status ${status}.`);
    this.status = status;
    this.errors = errors;
  }
}

let signedOut = () => {};

/** Whom to tell that the token is not, or no longer, good. */
export function onSignedOut(listener) {
  signedOut = listener;
}

/** Read a document. */
export function get(path, query = {}, signal = undefined) {
  return ask("GET", path, { query, signal });
}

/** Do something; the body goes as JSON, or as a script if it is a text. */
export function post(path, body = undefined, query = {}) {
  return ask("POST", path, { body, query });
}

export function put(path, body, query = {}) {
  return ask("PUT", path, { body, query });
}

export function patch(path, body, query = {}) {
  return ask("PATCH", path, { body, query });
}

export function remove(path, query = {}) {
  return ask("DELETE", path, { query });
}

/** All items of a list that comes in pages. */
export async function all(path, query = {}, signal = undefined) {
  const items = [];
  let cursor;
  do {
    const page = await get(path, { ...query, cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor);
  return items;
}

async function ask(method, path, { query, body, signal }) {
  const answer = await send(method, path, { query, body, signal });
  if (answer.status === 204) return null;
  const isJson = /\bjson\b/.test(answer.headers.get("Content-Type") ?? "");
  return isJson ? answer.json() : answer.text();
}

async function send(method, path, { query = {}, body, signal } = {}) {
  const headers = { Authorization: `Bearer ${session.token}` };
  if (typeof body === "string") headers["Content-Type"] = "text/x-lua";
  else if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path + queryText(query), { method, headers, body: sent, signal, cache: "no-store" });
  } catch (fault) {
    if (fault.name === "AbortError") throw fault;
    throw new Problem(0, { detail: "The host does not answer. It may have stopped, or the connection is gone." });
  }
  if (answer.ok) return answer;
  const problem = await answer.json().catch(() => ({}));
  if (answer.status === 401) signedOut();
  throw new Problem(answer.status, problem);
}

/** `?a=1&b=2`, without what is empty. */
export function queryText(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/**
 * Follow server-sent events until the signal is given. A browser's own EventSource cannot send a token.
 *
 * @param {(data: any, event: string) => void} onEvent
 */
export async function follow(path, query, signal, onEvent) {
  const answer = await send("GET", path, { query, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const parts = text.split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      const lines = part.split("\n");
      const data = lines.filter((line) => line.startsWith("data: ")).map((line) => line.slice(6)).join("\n");
      const event = lines.find((line) => line.startsWith("event: "))?.slice(7) ?? "message";
      if (data) onEvent(JSON.parse(data), event);
    }
  }
}
