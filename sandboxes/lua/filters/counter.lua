--[[
---
name: counter
kind: filter
summary: Counts messages and reports their rate.
message_matcher: "TRUE"
ticker_interval: 5
preserve_data: true
config:
  type:
    type: string
    default: counter
    description: Type of the messages, after the prefix `heka.sandbox.`.
---
Every tick emits a message with the fields count (since the last tick), total and rate (per second), and a text as Payload. Its own
messages are not counted.

    filters:
      requests: {type: counter, message_matcher: Type == "nginx.access", ticker_interval: 10}
--]]

_PRESERVATION_VERSION = 1

total = 0

local count, last_ns = 0, nil
local message_type = read_config "type"
local own_type = "heka.sandbox." .. message_type
local INTEGER = 2

function process_message()
  if read_message "Type" ~= own_type then count = count + 1 end
  return 0
end

function timer_event(ns)
  local seconds = last_ns and (ns - last_ns) / 1e9 or 0
  local rate = seconds > 0 and count / seconds or 0
  total = total + count
  inject_message {
    Type = message_type, Timestamp = ns, Payload = ("Got %d messages. %.2f msg/sec"):format(total, rate),
    Fields = {
      {name = "count", value = count, value_type = INTEGER, representation = "count"},
      {name = "total", value = total, value_type = INTEGER, representation = "count"},
      {name = "rate", value = rate, representation = "1/s"},
    },
  }
  count, last_ns = 0, ns
end
