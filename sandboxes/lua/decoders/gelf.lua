--[[
---
name: gelf
kind: decoder
summary: Decodes messages in the Graylog Extended Log Format (GELF).
config:
  type:
    type: string
    default: gelf
    description: The Type of the messages; `_type` in a message goes before it.
---
host is the Hostname, short_message the Payload, timestamp the Timestamp, level the Severity; _name is the field name. Each record is
one JSON object: end them with a zero byte on TCP and split there.

    inputs:
      graylog: {type: tcp, address: 127.0.0.1:12201, splitter: {type: token, delimiter: "\0"}, decoder: gelf}
--]]

local cjson = require "cjson"
local gelf = require "gelf"

local message_type = read_config "type"

function process_message()
  local ok, object = pcall(cjson.decode, read_message "Payload")
  if not ok then return -1, "no JSON" end
  if type(object) ~= "table" then return -1, "no JSON object" end
  local message, why = gelf.to_message(object)
  if not message then return -1, why end
  message.Type = message.Type or message_type
  inject_message(message)
  return 0
end
