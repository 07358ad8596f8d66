--[[
---
name: csv
kind: decoder
summary: Parses lines of values separated by commas or another character.
config:
  columns:
    type: list
    required: true
    description: 'Names of the fields, in order. The name "-" omits its column.'
  separator:
    type: string
    default: ","
    description: Character between two values.
  numbers:
    type: boolean
    default: true
    description: Convert values that look like numbers to numbers.
  timestamp:
    type: string
    description: Column with the Timestamp, in RFC 3339 or as seconds since 1970.
  type:
    type: string
    default: csv
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
Values can be quoted as in RFC 4180. Empty values are omitted. A line whose number of values differs from the number of columns is
refused.

    inputs:
      sales:
        type: file
        path: sales.csv
        decoder: {type: csv, config: {columns: [id, time, item, price], timestamp: time}}
--]]

local csv = require "csv"
local date_time = require "date_time"

local columns, numbers, timestamp = read_config "columns", read_config "numbers", read_config "timestamp"
local message_type, payload_keep = read_config "type", read_config "payload_keep"
local row_of = csv.parser {separator = read_config "separator", columns = columns}

local INTEGER = 2
local NS_PER_SECOND = 1000000000LL

local function time_of(text)
  local seconds, ns = date_time.seconds_and_ns(date_time.rfc3339:match(text))
  if not seconds then seconds, ns = date_time.since_1970(text, "s") end
  return seconds and seconds * NS_PER_SECOND + ns
end

local function field(name, text)
  local number = numbers and text:find "^%s*[+-]?%.?%d" and tonumber(text)
  if not number then return {name = name, value = text} end
  local is_integer = number % 1 == 0 and math.abs(number) < 2 ^ 53 and not text:find "[.eExX]"
  return {name = name, value = number, value_type = is_integer and INTEGER or nil}
end

function process_message()
  local line = read_message "Payload"
  local row, why = row_of(line)
  if not row then return -1, why end
  local message = {Type = message_type, Payload = payload_keep and line or "", Fields = {}}
  if timestamp and row[timestamp] then
    message.Timestamp = time_of(row[timestamp])
    if not message.Timestamp then return -1, timestamp .. " is not a time: " .. row[timestamp] end
  end
  for _, name in ipairs(columns) do
    local text = row[name]
    if name ~= "-" and name ~= timestamp and text and text ~= "" then message.Fields[#message.Fields + 1] = field(name, text) end
  end
  inject_message(message)
  return 0
end
