--[[
Graylog Extended Log Format (GELF): converts between decoded JSON and messages.

    local gelf = require "gelf"
    local message, err = gelf.to_message(cjson.decode(read_message "Payload"))
    if message then inject_message(message) end

- `to_message(object)` -> a message table, or nil and a reason. host becomes Hostname, short_message Payload,
  timestamp (s) Timestamp (ns), level Severity (default 1), and version EnvVersion. _name becomes the field name;
  full_message, facility, file and line become fields. _id, which the format forbids, is omitted, and so are values other
  than strings, numbers and booleans.
- `from_message(message)` -> an object for cjson.encode: the reverse. Type, Logger and Pid become _type,
  _logger and _pid. A list of values becomes text with commas. Invalid characters in names become "_".

Source: https://go2docs.graylog.org, GELF version 1.1.
--]]

local date_time = require "date_time"
local table = require "table"

local ipairs, pairs, tonumber, tostring, type = ipairs, pairs, tonumber, tostring, type

local M = {}

local FIELDS = {full_message = true, facility = true, file = true, line = true}
local DEFAULT_LEVEL = 1

local function is_plain(value)
  local kind = type(value)
  return kind == "string" or kind == "number" or kind == "boolean"
end

function M.to_message(object)
  if type(object) ~= "table" then return nil, "not an object" end
  for _, name in ipairs{"version", "host", "short_message"} do
    if type(object[name]) ~= "string" then return nil, name .. " is missing" end
  end
  local fields = {}
  for name, value in pairs(object) do
    if is_plain(value) and type(name) == "string" then
      if FIELDS[name] then
        fields[name] = value
      elseif name:sub(1, 1) == "_" and name ~= "_id" and #name > 1 then
        fields[name:sub(2)] = value
      end
    end
  end
  return {
    Hostname = object.host, Payload = object.short_message, EnvVersion = object.version,
    Severity = tonumber(object.level) or DEFAULT_LEVEL, Timestamp = date_time.seconds_to_ns(tonumber(object.timestamp)), Fields = fields,
  }
end

local function plain_value(value)
  if type(value) ~= "table" then return value end
  if value.value ~= nil then return plain_value(value.value) end
  local parts = {}
  for i, part in ipairs(value) do parts[i] = tostring(part) end
  return table.concat(parts, ",")
end

local function add(object, name, value)
  if value == nil then return end
  if not FIELDS[name] then name = "_" .. name:gsub("[^%w_.%-]", "_") end
  if name == "_id" then name = "__id" end
  if type(value) == "boolean" then value = tostring(value) end
  object[name] = value
end

function M.from_message(message)
  local object = {
    version = "1.1", host = message.Hostname or "", short_message = message.Payload or "",
    level = message.Severity, timestamp = message.Timestamp and message.Timestamp / 1e9,
  }
  if object.short_message == "" then object.short_message = "-" end
  for name, value in pairs(message.Fields or {}) do
    if type(name) == "number" then name = value.name end
    add(object, name, plain_value(value))
  end
  for header, name in pairs{Type = "type", Logger = "logger", Pid = "pid"} do add(object, name, message[header]) end
  return object
end

return M
