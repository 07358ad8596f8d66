--[[
Fills values of the current message and times into text.

    local interpolate = require "msg_interpolate"
    local index = interpolate.interpolate_from_msg("logs-%{Type}-%{%Y.%m.%d}", ns / 1e9)

- `interpolate_from_msg(text [, seconds])`, `interpolate(text [, seconds])` -> text. Each %{name} is replaced by
    - a header: Type, Hostname, Pid, Uuid (or UUID), Logger, EnvVersion, Severity, Payload, Timestamp
    - a field of that name
    - the time `seconds` since 1970, or now, if the name is a strftime format (in UTC)
  Other names are not replaced. `interpolate` writes Uuid in hexadecimal groups and Timestamp as RFC 3339.
- `get_uuid(bytes)`, `get_timestamp(ns)`, `get_timestamp_ms(ns)` -> text
- `header_fields`: name -> function that returns the value for `interpolate`

Source: the APIs of Heka's and of Hindsight's modules of this name.
--]]

local math = require "math"
local os = require "os"

local read_message, tostring = read_message, tostring
local floor = math.floor

local M = {}

function M.get_uuid(bytes)
  local hex = bytes:gsub(".", function(c) return ("%02X"):format(c:byte()) end)
  return (hex:gsub("^(........)(....)(....)(....)(............)$", "%1-%2-%3-%4-%5"))
end

local function date_of(ns)
  local seconds = floor(ns / 1e9)
  return os.date("!%Y-%m-%dT%H:%M:%S", seconds), ns - seconds * 1e9
end

function M.get_timestamp(ns)
  local date, fraction = date_of(ns)
  return ("%s.%09dZ"):format(date, fraction)
end

function M.get_timestamp_ms(ns)
  local date, fraction = date_of(ns)
  return ("%s.%03dZ"):format(date, floor(fraction / 1e6))
end

local function header(name)
  return function() return read_message(name) end
end

local HEADERS = {UUID = header "Uuid"}
M.header_fields = {
  Uuid = function() return M.get_uuid(read_message "Uuid") end,
  Timestamp = function() return M.get_timestamp(read_message "Timestamp") end,
}
for _, name in ipairs{"Uuid", "Timestamp", "Type", "Logger", "Severity", "Payload", "EnvVersion", "Pid", "Hostname"} do
  HEADERS[name] = header(name)
  M.header_fields[name] = M.header_fields[name] or HEADERS[name]
end

local function field_or_time(name, seconds)
  local value = read_message("Fields[" .. name .. "]")
  if value ~= nil then return value end
  if not name:find("%", 1, true) then return nil end
  local text = os.date("!" .. name, seconds and floor(seconds))
  if text ~= name then return text end
end

local function fill(text, seconds, headers)
  return (text:gsub("%%{(.-)}", function(name)
    local value
    if headers[name] then value = headers[name]() else value = field_or_time(name, seconds) end
    if value ~= nil then return tostring(value) end
  end))
end

function M.interpolate_from_msg(text, seconds) return fill(text, seconds, HEADERS) end

function M.interpolate(text, seconds) return fill(text, seconds, M.header_fields) end

return M
