// Makes a decoder of a grammar, with the lines that it was tried on as its cases.

const MOST_CASES = 20;
const REFUSAL = "the grammar does not match";

/** The text of the decoder. YAML takes texts and values as JSON has them. */
export function asDecoder(name, source, results) {
  const level = "=".repeat(source.includes("]]") || results.some((each) => each.given.includes("]]")) ? 3 : 0);
  const isDeclared = /\bdeclare_grammar\b/.test(source);
  const steps = results.slice(0, MOST_CASES).map((each) => stepOf(each, isDeclared)).join("\n");
  return `--[${level}[
---
name: ${name}
kind: decoder
summary: Decodes lines by a grammar that was made in the playground.
cases:
- name: the lines of the playground
  steps:
${steps}
---
--]${level}]
${isDeclared ? source : script(source)}`;
}

function stepOf({ given, matched, values }, isDeclared) {
  const record = `  - record: ${JSON.stringify(given)}`;
  if (!matched) return `${record}\n    failure: ${isDeclared ? '""' : REFUSAL}`;
  const fields = isDeclared ? {} : fieldsOf(values);
  const members = Object.entries(fields).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return members.length ? `${record}\n    messages:\n    - Fields: {${members.join(", ")}}` : `${record}\n    messages:\n    - {}`;
}

/** The fields that the script below makes of the values of a match. */
function fieldsOf(values) {
  const [first] = values;
  const isTable = first !== null && typeof first === "object" && !Array.isArray(first);
  const pairs = isTable ? Object.entries(first) : values.map((value, place) => [`capture_${place + 1}`, value]);
  return Object.fromEntries(pairs.filter(([, value]) => ["string", "number", "boolean"].includes(typeof value)));
}

function script(source) {
  return `local lpeg = require "lpeg"

local pattern = (function()
${source.trimEnd().split("\n").map((line) => (line ? `  ${line}` : "")).join("\n")}
end)() or grammar

local KINDS = {string = true, number = true, boolean = true}

function process_message()
  local values = {lpeg.match(pattern, read_message("Payload"))}
  if values[1] == nil then return -1, "${REFUSAL}" end
  if type(values[1]) == "table" then
    for key, value in pairs(values[1]) do
      if type(key) == "string" and KINDS[type(value)] then write_message("Fields[" .. key .. "]", value) end
    end
  else
    for i = 1, #values do
      if KINDS[type(values[i])] then write_message("Fields[capture_" .. i .. "]", values[i]) end
    end
  end
  return 0
end
`;
}
