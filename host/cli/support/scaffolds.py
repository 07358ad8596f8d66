"""The templates of `hekate new`."""

import re
from pathlib import Path

_DECODER = """--[[
---
name: {name}
kind: decoder
summary: Parses lines of {name}, a time and a message.
config:
  type:
    type: string
    default: {name}
    description: The Type of the messages.
cases:
- name: a line
  steps:
  - record: 2024-05-01T10:00:00Z started
    messages:
    - Type: {name}
      Timestamp: 2024-05-01T10:00:00Z
      Fields: {{message: started}}
  - record: no time
    failure: {name}
---
Say here what it parses; `hekate repl` shows a grammar at work, and proposes one (:infer).

    inputs:
      {name}: {{type: file, path: /var/log/{name}.log, decoder: {name}}}
--]]

local lpeg = require "lpeg"

local time = (lpeg.R"09" + "-")^1 * "T" * (lpeg.R"09" + lpeg.S":.+-Z")^1
local rest = (1 - lpeg.P"\\n")^0

declare_grammar {{
  type = read_config "type",
  alternatives = {{{{
    {{name = "Timestamp", grammar = time, type = "timestamp:rfc3339"}},
    " ",
    {{name = "message", grammar = rest}},
  }}}},
}}
"""

_FILTER = """--[[
---
name: {name}
kind: filter
summary: Counts messages, and tells how many there were.
message_matcher: Type != 'heka.sandbox-output' # not what it says itself
ticker_interval: 10
preserve_data: true
cases:
- name: two messages are counted
  steps:
  - message: {{Type: test}}
  - message: {{Type: test}}
  - tick: 2024-05-01T10:00:10Z
    messages:
    - Payload: "2"
---
Say here what it does. It runs by itself where it lies in the drop-in directory, or with a configuration:

    filters:
      {name}: {{message_matcher: "Type == 'test'"}}
--]]

count = 0 -- a global: it outlives restarts, as preserve_data says

function process_message()
  count = count + 1
  return 0
end

function timer_event(ns, shutdown)
  inject_payload("txt", "{name}", tostring(count))
end
"""

_ENCODER = """--[[
---
name: {name}
kind: encoder
summary: Writes the Type and the Payload of a message as a line.
cases:
- name: a message becomes a line
  steps:
  - message: {{Type: test, Payload: hello}}
    output: "test hello\\n"
---
Say here what it writes.

    outputs:
      {name}: {{type: file, path: {name}.txt, encoder: {name}}}
--]]

function process_message()
  inject_payload("txt", "", read_message "Type", " ", read_message "Payload", "\\n")
  return 0
end
"""

_CONFIG = """hekate:
  state_dir: ./var/{name}
  sandbox_dir: {sandbox_dir}

inputs:
  lines:
    type: file
    path: /var/log/*.log
    decoder: payload

outputs:
  all:
    type: console
    message_matcher: "TRUE"
    encoder: json

tests:
  a_line_goes_through:
    given:
      - {{input: lines, records: [hello]}}
    expect:
      inputs.lines: {{count: 1}}
"""

_TEXTS = {"decoder": _DECODER, "filter": _FILTER, "encoder": _ENCODER, "config": _CONFIG}


def is_name(name: str) -> bool:
    """Return True if `name` is a valid plugin name."""
    return re.fullmatch(r"[a-z][a-z0-9_]*", name) is not None


def text(kind: str, name: str, sandbox_dir: Path) -> str:
    """Return the text of the file."""
    return _TEXTS[kind].format(name=name, sandbox_dir=sandbox_dir)
