// Who is signed in. The token is kept for this tab only, and forgotten with it.

const KEY = "hekate.token";
const ROLES = ["viewer", "operator", "admin"];

export const session = {
  /** The answer of /api/v1/caller, once it is known. */
  caller: null,

  get token() {
    return sessionStorage.getItem(KEY) ?? "";
  },

  set token(token) {
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
  },

  /** Whether the token is good for the whole host, not only for some sandboxes. */
  get ofHost() {
    return this.caller?.sandboxes === null;
  },
};

/**
 * Why something may not be done here; empty if it may.
 *
 * @param {string} role the least role that may
 * @param {string | null} sandbox the sandbox that it is about; null: the whole host; empty: nothing that anybody owns
 */
export function refusal(role, sandbox = null) {
  const { caller } = session;
  if (!caller) return "Nobody is signed in.";
  if (ROLES.indexOf(caller.role) < ROLES.indexOf(role)) return `This needs the role ${role}; yours is ${caller.role}.`;
  if (caller.sandboxes === null || sandbox === "") return "";
  if (sandbox === null) return "This is about the whole host, and your token is for some sandboxes only.";
  const owns = caller.sandboxes.some((prefix) => sandbox.startsWith(prefix));
  return owns ? "" : `Your token is for sandboxes whose names begin with ${caller.sandboxes.join(" or ")}.`;
}
