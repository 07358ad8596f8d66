--[[
---
name: field_counter
kind: filter
summary: Counts messages by the values of one or more fields, per interval of message time.
message_matcher: "TRUE"
ticker_interval: 10
limits:
  max_process_inject: 1
  max_timer_inject: 100
config:
  fields:
    type: list
    default: ["Fields[status]"]
    description: Variables whose values are counted. With several, each combination is counted.
  interval_s:
    type: integer
    default: 60
    description: Length of an interval in seconds.
  grace_s:
    type: integer
    default: 60
    description: Seconds to wait for late messages. An interval is sent when it is this far behind the newest message.
  output:
    type: string
    default: fields
    enum: [fields, payload]
    description: Send the counts of an interval as fields of a message or as lines of text.
  type:
    type: string
    default: counts
    description: Type of the messages with fields, after the prefix `heka.sandbox.`.
  top:
    type: integer
    default: 100
    description: Number of values to send, most frequent first; the rest is added up as (other). 0 sends all.
  max_values:
    type: integer
    default: 1000
    description: Maximum number of distinct values per interval; further ones are counted as (other).
---
Intervals follow the messages' Timestamp, so a replay of old logs gives the same result as
the live stream. The counts of an interval are sent once: when a message arrives that is
newer than the interval plus grace_s, when no message has arrived between two ticks, or at
shutdown. A later message opens its interval again. Its counts are then sent as a further
message for the same interval: add them up.

`output: fields` sends Type heka.sandbox.counts. The Timestamp is the start of the interval,
and each value becomes an integer field with the representation "count"; by status:

    {"200": 1871, "404": 12, "500": 3}

Fields[_total] is the sum, Fields[_interval_s] the length. `output: payload` sends lines of
start, value and count, separated by tabs:

    2024-05-01T10:00:00Z	200	1871

in a message of Type heka.sandbox-output, with Fields[payload_type] tsv and the option
`type` as Fields[payload_name]. The encoder `payload` writes it.

Several fields are joined by a space: "200 GET". An absent field counts as (none). Values
are truncated after 128 bytes.

    filters:
      statuses:
        type: field_counter
        message_matcher: Type == "nginx.access"
        config: {fields: ["Fields[status]", "Fields[request_method]"]}
--]]

_PRESERVATION_VERSION = 1

-- start of the interval in seconds -> {values = {value = count}, distinct = n}
intervals = {}
newest_s = -math.huge

local MAX_VALUE_BYTES = 128
local MAX_OPEN_INTERVALS = 100
local NS_PER_S = 1e9
local OTHER, NONE = "(other)", "(none)"
local INTEGER = 2

local fields = read_config "fields"
local interval_s = read_config "interval_s"
local grace_s = read_config "grace_s"
local as_payload = read_config "output" == "payload"
local message_type = read_config "type"
local top = read_config "top"
local max_values = read_config "max_values"

if type(fields) == "string" then fields = {fields} end
assert(#fields > 0, "fields: name at least one variable")
assert(interval_s > 0, "interval_s: must be greater than 0")

local read_message, type = read_message, type
local one_field = #fields == 1 and fields[1]
local idle = false
-- The interval of the last message, which is nearly always that of the next.
local current, current_start_s

-- ---------------------------------------------------------------- counting

-- Returns the key for a value that is neither a number nor a short string.
local function key_of(value)
  if value == nil then return NONE end
  if type(value) == "string" then return value:sub(1, MAX_VALUE_BYTES) end
  return (tostring(value):gsub("U?LL$", ""))
end

-- Counts numbers unconverted: they become text only when they are sent.
local function value_of(variable)
  local value = read_message(variable)
  local kind = type(value)
  if kind == "number" or kind == "string" and #value <= MAX_VALUE_BYTES then return value end
  return key_of(value)
end

local function text_of(value)
  if type(value) ~= "number" then return value end
  return (value % 1 == 0 and "%.0f" or "%.14g"):format(value)
end

local function combination()
  local parts = {}
  for i, variable in ipairs(fields) do
    parts[i] = text_of(value_of(variable))
  end
  return table.concat(parts, " ")
end

local function count_new(interval, value)
  if interval.distinct >= max_values then
    interval.values[OTHER] = (interval.values[OTHER] or 0) + 1
  else
    interval.distinct = interval.distinct + 1
    interval.values[value] = 1
  end
end

local function open_interval(start_s)
  local interval = {values = {}, distinct = 0}
  intervals[start_s] = interval
  return interval
end

-- ----------------------------------------------------------------- sending

-- Returns a list of {value, count}, most frequent first, with at most `top` values.
local function ranked(values)
  local by_text, list, other = {}, {}, values[OTHER] or 0
  values[OTHER] = nil
  for value, count in pairs(values) do
    local text = text_of(value)
    by_text[text] = (by_text[text] or 0) + count
  end
  for text, count in pairs(by_text) do
    list[#list + 1] = {text, count}
  end
  table.sort(list, function(a, b)
    if a[2] ~= b[2] then return a[2] > b[2] end
    return a[1] < b[1]
  end)
  while top > 0 and #list > top do
    other = other + table.remove(list)[2]
  end
  if other > 0 then list[#list + 1] = {OTHER, other} end
  return list
end

local function send_fields(start_s, list)
  local total, out = 0, {}
  for i, entry in ipairs(list) do
    out[i] = {name = entry[1], value = entry[2], value_type = INTEGER, representation = "count"}
    total = total + entry[2]
  end
  out[#out + 1] = {name = "_total", value = total, value_type = INTEGER, representation = "count"}
  out[#out + 1] = {name = "_interval_s", value = interval_s, value_type = INTEGER, representation = "s"}
  inject_message {Type = message_type, Timestamp = start_s * NS_PER_S, Fields = out}
end

local function send_payload(start_s, list)
  local start = os.date("!%Y-%m-%dT%H:%M:%SZ", start_s)
  for _, entry in ipairs(list) do
    add_to_payload(start, "\t", entry[1], "\t", ("%d"):format(entry[2]), "\n")
  end
  inject_payload("tsv", message_type)
end

local function send(start_s)
  local list = ranked(intervals[start_s].values)
  intervals[start_s] = nil
  if current_start_s == start_s then current, current_start_s = nil, nil end
  if as_payload then send_payload(start_s, list) else send_fields(start_s, list) end
end

local function oldest()
  local first, count = nil, 0
  for start_s in pairs(intervals) do
    count = count + 1
    if not first or start_s < first then first = start_s end
  end
  return first, count
end

-- The limit on open intervals matters for logs that are not in order.
local function is_due(start_s, count)
  return start_s + interval_s + grace_s <= newest_s or count >= MAX_OPEN_INTERVALS
end

local function send_oldest_if_due()
  local start_s, count = oldest()
  if start_s and is_due(start_s, count) then send(start_s) end
end

-- ----------------------------------------------------------- entry points

-- Counts the first message of a value or of an interval.
local function count_first(start_s, value)
  local interval = intervals[start_s]
  if not interval then
    if start_s > newest_s then newest_s = start_s end
    send_oldest_if_due()
    interval = open_interval(start_s)
  end
  count_new(interval, value)
end

function process_message()
  local now_s = read_message "Timestamp" / NS_PER_S
  local start_s = now_s - now_s % interval_s
  idle = false
  if start_s ~= current_start_s then
    current, current_start_s = intervals[start_s], start_s
  end
  local value = one_field and value_of(one_field) or combination()
  local count = current and current.values[value]
  if count then
    current.values[value] = count + 1
  else
    count_first(start_s, value)
    current = intervals[start_s]
  end
  return 0
end

function timer_event(_, shutdown)
  local everything = shutdown or idle
  idle = true
  local start_s, count = oldest()
  local sent = 0
  while start_s and sent < MAX_OPEN_INTERVALS and (everything or is_due(start_s, count)) do
    send(start_s)
    sent = sent + 1
    start_s, count = oldest()
  end
end
