--[[
---
name: unique_items
kind: filter
summary: Counts the distinct values of a field per period, as a graph.
ticker_interval: 60
preserve_data: true
readouts:
  count: {function: read_count, description: Return the number of distinct values in this period.}
  reset: {function: reset_count, description: Reset the count., changes: true}
config:
  message_variable:
    type: string
    required: true
    description: Variable whose values are counted, a header or Fields[name].
  title:
    type: string
    default: Estimated Unique Daily Items
    description: Name of the payload.
  rows:
    type: integer
    default: 365
    description: Number of periods in the graph.
  seconds_per_row:
    type: integer
    default: 86400
    description: Length of a period.
  enable_delta:
    type: boolean
    default: false
    description: Emit only the changes, as cbufd.
  preservation_version:
    type: integer
    default: 0
    description: Increase it when rows or seconds_per_row change, to start with an empty graph.
---
The count is an estimate (HyperLogLog) within 1 % for any number of values, in 64 KiB. Every tick emits the payload `cbuf` or `cbufd`.
Values of an earlier period are ignored.

    filters:
      visitors:
        type: unique_items
        message_matcher: Type == "nginx.access"
        config: {message_variable: "Fields[remote_addr]", title: Visitors}
--]]

local circular_buffer = require "circular_buffer"
local hyperloglog = require "hyperloglog"

local variable, title = read_config "message_variable", read_config "title"
local rows, seconds_per_row = read_config "rows", read_config "seconds_per_row"
local format = read_config "enable_delta" and "cbufd" or "cbuf"

_PRESERVATION_VERSION = read_config "preservation_version"

graph = circular_buffer.new(rows, 1, seconds_per_row, format == "cbufd")
graph:set_header(1, "Active_Items")
seen = hyperloglog.new()
period = 0
changed_ns = 0            -- time of the last value that is not yet in the graph; 0 if the graph is up to date

-- Updates the graph. The estimate reads all registers, so it is computed on demand and not for each new value.
local function update_graph()
  if changed_ns == 0 then return end
  graph:set(changed_ns, 1, seen:count())
  changed_ns = 0
end

function process_message()
  local value = read_message(variable)
  if value == nil then return -1, "no " .. variable end
  local ns = read_message "Timestamp"
  local now = math.floor(ns / (seconds_per_row * 1e9))
  if now < period then return 0 end
  if now > period then
    update_graph()
    period = now
    seen:clear()
  end
  if type(value) == "boolean" then value = tostring(value) end
  if seen:add(value) then changed_ns = ns end
  return 0
end

function read_count()
  return {count = seen:count(), period = period}
end

function reset_count()
  update_graph()
  seen:clear()
  return read_count()
end

function timer_event()
  update_graph()
  local text = tostring(graph:format(format))
  if text ~= "" then inject_payload(format, title, text) end
end
