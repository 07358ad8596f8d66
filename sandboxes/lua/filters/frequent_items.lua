--[[
---
name: frequent_items
kind: filter
summary: Finds the most frequent values of a field in a stream of any size.
ticker_interval: 60
preserve_data: true
limits:
  memory_limit: 16777216
config:
  message_variable:
    type: string
    required: true
    description: Variable to count, a header or Fields[name].
  max_items:
    type: integer
    default: 1000
    description: Number of values to keep. Set it to 10 to 50 times the number of interest.
  min_output_weight:
    type: integer
    default: 100
    description: Minimum count of a value in the output.
  top:
    type: integer
    default: 100
    description: Maximum number of values in the output.
  reset_days:
    type: integer
    default: 1
    description: Days (UTC) after which the counts are reset; 0 for never.
---
Every tick emits the payload `tsv` named Weighted by Message Count: value and count, most frequent first. A count is never too low. It
can be too high by at most the smallest count that is kept. Every value that makes up more than 1/max_items of the stream is
included.

    filters:
      clients:
        type: frequent_items
        message_matcher: Type == "nginx.access"
        config: {message_variable: "Fields[remote_addr]"}
--]]

local space_saving = require "space_saving"

local variable, min_weight = read_config "message_variable", read_config "min_output_weight"
local top, reset_days = read_config "top", read_config "reset_days"
local NS_PER_DAY, MAX_BYTES = 86400e9, 256

_PRESERVATION_VERSION = read_config "max_items"

items = space_saving.new(read_config "max_items")
day = 0

local function reset_if_due(ns)
  if reset_days == 0 then return end
  local now = math.floor(ns / NS_PER_DAY / reset_days)
  if now > day then
    day = now
    items:clear()
  end
end

function process_message()
  local value = read_message(variable)
  if value == nil then return -1, "no " .. variable end
  reset_if_due(read_message "Timestamp")
  if type(value) == "string" and #value > MAX_BYTES then value = value:sub(1, MAX_BYTES) end
  items:add(value)
  return 0
end

function timer_event()
  for _, item in ipairs(items:top(top)) do
    if item.count < min_weight then break end
    add_to_payload((tostring(item.key):gsub("[\t\r\n]", " ")), "\t", item.count, "\n")
  end
  inject_payload("tsv", "Weighted by Message Count")
end
