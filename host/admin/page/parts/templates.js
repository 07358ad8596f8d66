// What a new script begins with.

export const TEMPLATES = {
  filter: `--[[
---
name: my_filter
kind: filter
summary: Counts messages, and tells once a minute.
message_matcher: "TRUE"
ticker_interval: 60
---
--]]
local seen = 0

function process_message()
  seen = seen + 1
  return 0
end

function timer_event(ns, shutdown)
  inject_payload("txt", "seen", seen)
end
`,
  decoder: `--[[
---
name: my_decoder
kind: decoder
summary: Reads lines of name=number.
cases:
- name: a pair becomes a field
  steps:
  - record: a=1
    messages:
    - Fields: {a: 1}
  - record: nothing
    failure: no pair
---
--]]

function process_message()
  local name, number = read_message("Payload"):match("^(%w+)=(%d+)$")
  if not name then return -1, "no pair" end
  write_message("Fields[" .. name .. "]", tonumber(number))
  return 0
end
`,
  encoder: `--[[
---
name: my_encoder
kind: encoder
summary: Writes the Type and the Payload as a line.
---
--]]

function process_message()
  add_to_payload(read_message("Type"), " ", read_message("Payload"), "\\n")
  inject_payload()
  return 0
end
`,
};

/** The name and the kind that the front matter says. */
export function headerOf(text) {
  const value = (key) => new RegExp(`^${key}:[ \\t]*["']?([\\w-]+)`, "m").exec(text)?.[1] ?? "";
  return { name: value("name"), kind: value("kind") };
}
