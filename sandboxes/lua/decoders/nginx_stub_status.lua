--[[
---
name: nginx_stub_status
kind: decoder
summary: Parses the status page of nginx's stub_status module.
config:
  type:
    type: string
    default: nginx.stub_status
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the page as the Payload.
---
A record is the whole page:

    Active connections: 291
    server accepts handled requests
     16630948 16630948 31070465
    Reading: 6 Writing: 179 Waiting: 106

gives the fields connections, accepts, handled, requests, reading, writing, waiting.

    inputs:
      status: {type: stdin, splitter: "null", decoder: nginx_stub_status}
--]]

local lpeg = require "lpeg"

local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local space = S" \t\r\n"^0
local function count(name) return Cg(R"09"^1 / tonumber, name) * space end

local page = Ct(space * "Active connections: " * count "connections" * C(P"server accepts handled requests" * (1 - P"\n")^0) * space
  * count "accepts" * count "handled" * count "requests"
  * "Reading: " * count "reading" * "Writing: " * count "writing" * "Waiting: " * count "waiting") * -1

local NAMES = {"connections", "accepts", "handled", "requests", "reading", "writing", "waiting"}
local message_type, payload_keep = read_config "type", read_config "payload_keep"

function process_message()
  local text = read_message "Payload"
  local counts = page:match(text)
  if not counts then return -1, "not a status page" end
  local fields = {}
  for i, name in ipairs(NAMES) do fields[i] = {name = name, value = counts[name], value_type = 2, representation = "count"} end
  inject_message {Type = message_type, Payload = payload_keep and text or "", Fields = fields}
  return 0
end
