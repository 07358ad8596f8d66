--[[
---
name: field_counter
kind: filter
summary: Counts messages by the values of one or more fields, per interval of their own time.
message_matcher: "TRUE"
ticker_interval: 10
limits:
  max_process_inject: 1
  max_timer_inject: 100
config:
  fields:
    type: list
    default: ["Fields[status]"]
    description: Variables whose values are counted; several count each combination.
  interval_s:
    type: integer
    default: 60
    description: Length of an interval in seconds.
  grace_s:
    type: integer
    default: 60
    description: How far behind the newest message an interval must lie before its counts are sent.
  output:
    type: string
    default: fields
    enum: [fields, payload]
    description: Whether the counts of an interval are sent as fields of a message or as lines of text.
  type:
    type: string
    default: counts
    description: The Type of the messages with fields, after heka.sandbox.
  top:
    type: integer
    default: 100
    description: How many values are sent, most frequent first; the rest is summed up as (other). 0 sends all.
  max_values:
    type: integer
    default: 1000
    description: How many values an interval keeps apart; later ones are counted as (other).
---
An interval is of the messages' own Timestamp, so a replay of old logs gives what
the live stream gave. Its counts are sent once, when a message arrives that is newer
than the interval and the grace; or when no message has arrived between two ticks; or
at the end. A message that is later than that opens its interval again, and what
is counted then is sent as another message for the same interval: add them up.

`output: fields` gives Type heka.sandbox.counts, Timestamp the start of the interval, and
one integer field for each value with the representation "count"; by status:

    {"200": 1871, "404": 12, "500": 3}

and Fields[_total] with the sum, Fields[_interval_s]. `output: payload` gives lines of
start, value and count, separated by tabs:

    2024-05-01T10:00:00Z	200	1871

in a message of Type heka.sandbox-output with Fields[payload_type] tsv and Fields[payload_name]
as `type` says; the encoder `payload` writes it.

Several fields are joined by a space: "200 GET". An absent one is (none). Values are
cut after 128 bytes.

    filters:
      statuses:
        type: field_counter
        message_matcher: Type == "nginx.access"
        config: {fields: ["Fields[status]", "Fields[request_method]"]}
--]]

_PRESERVATION_VERSION = 1

-- by the start of the interval, in seconds: {values = {value = count}, distinct = n}
intervals = {}
newest_s = -math.huge

local MOST_VALUE_BYTES = 128
local MOST_OPEN_INTERVALS = 100
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
assert(interval_s > 0, "interval_s: must be above 0")

local read_message, type = read_message, type
local one_field = #fields == 1 and fields[1]
local idle = false
-- the interval of the last message, which is nearly always that of the next
local current, current_start_s

-- ---------------------------------------------------------------- counting

-- What stands for a value of any other kind than a number or a short string.
local function unusual(value)
  if value == nil then return NONE end
  if type(value) == "string" then return value:sub(1, MOST_VALUE_BYTES) end
  return (tostring(value):gsub("U?LL$", ""))
end

-- Numbers are counted as they are: making text of them can wait until they are sent.
local function value_of(variable)
  local value = read_message(variable)
  local kind = type(value)
  if kind == "number" or kind == "string" and #value <= MOST_VALUE_BYTES then return value end
  return unusual(value)
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

-- values as a list of {value, count}, most frequent first, at most `top` of them
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

-- The limit on open intervals holds for logs without any order.
local function is_due(start_s, count)
  return start_s + interval_s + grace_s <= newest_s or count >= MOST_OPEN_INTERVALS
end

local function send_oldest_if_due()
  local start_s, count = oldest()
  if start_s and is_due(start_s, count) then send(start_s) end
end

-- ------------------------------------------------------------------- entry

-- The first message of a value or of an interval.
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
  while start_s and sent < MOST_OPEN_INTERVALS and (everything or is_due(start_s, count)) do
    send(start_s)
    sent = sent + 1
    start_s, count = oldest()
  end
end
