--[[
---
name: logfmt
kind: decoder
summary: Turns the pairs of a logfmt line (key=value key="some text") into fields.
limits: {memory_limit: 16777216}
config:
  type: {type: string, default: logfmt, description: Type of the messages.}
  typed: {type: boolean, default: true, description: "Convert unquoted numbers, true and false to their types."}
  payload_keep: {type: boolean, default: false, description: Keep the line as the Payload.}
  Timestamp: {type: string, description: Name of the key (RFC 3339 or seconds since 1970) that becomes the Timestamp.}
  Severity: {type: string, description: Name of the key (a name such as info or a number) that becomes the Severity.}
  Hostname: {type: string, description: Name of the key that becomes the Hostname header.}
  Logger: {type: string, description: Name of the key that becomes the Logger header.}
  Pid: {type: string, description: Name of the key (a number) that becomes the Pid header.}
  Payload: {type: string, description: "Name of the key that becomes the Payload, usually msg."}
---
    ts=2024-05-01T10:00:00Z level=warn msg="slow query" took=0.25 rows=12 cached

with `config: {Timestamp: ts, Severity: level, Payload: msg}` gives the Timestamp,
Severity 4, the Payload "slow query", and the fields took 0.25 (a double), rows 12 (an
integer) and cached true. A key without a value becomes true. A key that occurs twice
becomes a field that occurs twice. Integers of more than 15 digits stay text, because
they are usually identifiers. A line without any key=value fails.
--]]

local date_time = require "date_time"
local logfmt = require "logfmt"
local syslog = require "syslog"

local message_type = read_config "type"
local typed = read_config "typed"
local payload_keep = read_config "payload_keep"

declare_logfmt {
  type = message_type, typed = typed, payload_keep = payload_keep, severities = syslog.severities,
  Timestamp = read_config "Timestamp", Severity = read_config "Severity", Hostname = read_config "Hostname",
  Logger = read_config "Logger", Pid = read_config "Pid", Payload = read_config "Payload",
}

local INTEGER, DOUBLE = 2, 3
local NS_PER_SECOND = 1000000000LL
local MAX_FIELDS = 1024 -- max_message_fields

-- The following functions process lines that declare_logfmt cannot.

-- ---------------------------------------------------------------- headers

local function severity_of(text)
  return tonumber(text) or syslog.severities[text:lower()]
end

local READ_HEADER = {
  Timestamp = function(text)
    local seconds, ns = date_time.since_1970(text, "s")
    return seconds and seconds * NS_PER_SECOND + ns or text
  end,
  Severity = severity_of,
  Pid = tonumber,
  Hostname = tostring,
  Logger = tostring,
  Payload = tostring,
}

-- key -> header
local header_of = {}
for header in pairs(READ_HEADER) do
  local key = read_config(header)
  if key and key ~= "" then header_of[key] = header end
end

-- ----------------------------------------------------------------- fields

local function typed_field(name, text)
  if text == "true" or text == "false" then return {name = name, value = text == "true"} end
  local number = tonumber(text)
  if not number then return {name = name, value = text} end
  if text:find "^-?%d+$" then
    local plain = #text <= 15 and not text:find "^-?0%d"
    return plain and {name = name, value = number, value_type = INTEGER} or {name = name, value = text}
  end
  local decimal = text:find "^-?%d+%.%d+$" or text:find "^-?%d+%.?%d*[eE][+-]?%d+$"
  return decimal and {name = name, value = number, value_type = DOUBLE} or {name = name, value = text}
end

local function field(name, value)
  if type(value) == "table" then return {name = name, value = value[1]} end
  if value == true or not typed then return {name = name, value = value} end
  return typed_field(name, value)
end

local function add(message, name, value)
  local header = header_of[name]
  if header and value ~= true then
    local read = READ_HEADER[header](type(value) == "table" and value[1] or value)
    if read ~= nil then
      message[header] = read
      return
    end
  end
  message.Fields[#message.Fields + 1] = field(name, value)
end

function process_message()
  local line = read_message "Payload"
  local pairs_found = logfmt.list:match(line)
  if not pairs_found then return -1, "not a line of key=value pairs" end
  local message = {Type = message_type, Payload = payload_keep and line or "", Fields = {}}
  for i = 1, #pairs_found, 2 do
    add(message, pairs_found[i], pairs_found[i + 1])
  end
  if #message.Fields > MAX_FIELDS then return -1, "more than " .. MAX_FIELDS .. " fields" end
  inject_message(message)
  return 0
end
