--[[
---
name: gelf
kind: decoder
summary: Decodes messages in the Graylog Extended Log Format (GELF).
config:
  type:
    type: string
    default: gelf
    description: Type of the messages. `_type` in a message takes precedence.
---
host becomes the Hostname, short_message the Payload, timestamp the Timestamp, level the Severity, and _name the field name. Each
record is one JSON object. On TCP, end each object with a zero byte and split there.

    inputs:
      graylog: {type: tcp, address: 127.0.0.1:12201, splitter: {type: token, delimiter: "\0"}, decoder: gelf}
--]]

local cjson = require "cjson"
local date_time = require "date_time"
local gelf = require "gelf"

local NS_PER_SECOND = 1000000000LL
local message_type = read_config "type"

-- Parses the timestamp from the text, because the decoded number cannot hold all digits.
local function timestamp_of(object, text)
  for written in text:gmatch '"timestamp"%s*:%s*"?(-?[%d.]+)[%s",}]' do
    local seconds, ns = date_time.since_1970(written, "s")
    if seconds and tonumber(written) == tonumber(object.timestamp) then return seconds * NS_PER_SECOND + ns end
  end
end

function process_message()
  local text = read_message "Payload"
  local ok, object = pcall(cjson.decode, text)
  if not ok then return -1, "not JSON" end
  if type(object) ~= "table" then return -1, "not a JSON object" end
  local message, why = gelf.to_message(object)
  if not message then return -1, why end
  message.Timestamp = timestamp_of(object, text) or message.Timestamp
  message.Type = message.Type or message_type
  inject_message(message)
  return 0
end
