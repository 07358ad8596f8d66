--[[
Converts messages to time series lines for Graphite (Carbon) and InfluxDB.

    local lines = require "ts_line_protocol"
    local config = lines.set_config{name_prefix = "web.%{Hostname}", name_prefix_delimiter = ".", carbon_format = true}
    function process_message()
      for _, line in ipairs(lines.carbon_line_msg(config)) do add_to_payload(line, "\n") end

- `set_config(options)` -> config for the other two. Options, all optional:
    carbon_format (false): names for Carbon; characters other than letters and digits become "_"
    decimal_precision ("6"): digits after the point, for InfluxDB
    name_prefix, name_prefix_delimiter: text before each name; the prefix can contain %{name} (module msg_interpolate)
    skip_fields_str: fields to omit, in the syntax of the module field_util
    source_value_field: write only this field, with the prefix alone as its name
    tag_fields_str ("**all_base**"): values to write as InfluxDB tags
    timestamp_precision ("ms"): as in field_util.message_timestamp
    multi_fields (false): one line with all fields, named by the prefix, instead of a line each
    value_field_key ("value"): the name of the field in a line of its own
- `carbon_line_msg(config)` -> list of "name value time" for fields that are numbers or look like numbers
- `influxdb_line_msg(config)` -> list of "name,tag=x value=1.000000 time". Numbers always have the decimals, so that
  InfluxDB never sees a field change from integer to float.

A repeated field is named NAME_fidx_1 and so on, further values of a field NAME_vidx_1 and so on. The lines are in the
order of the fields; tags are sorted by name.

Source: the API and options of Heka's ts_line_protocol module. Unlike in Heka, booleans do not fail, and absent headers
are not tags.
--]]

local field_util = require "field_util"
local interpolate = require "msg_interpolate"
local table = require "table"

local decode_message, read_message = decode_message, read_message
local error, ipairs, pairs, tonumber, tostring, type = error, ipairs, pairs, tonumber, tostring, type

local M = {}

local DEFAULTS = {
  carbon_format = false, decimal_precision = "6", name_prefix = false, name_prefix_delimiter = false,
  skip_fields_str = false, source_value_field = false, tag_fields_str = "**all_base**", timestamp_precision = "ms",
  multi_fields = false, value_field_key = "value",
}

function M.set_config(options)
  local config = {}
  for name, default in pairs(DEFAULTS) do config[name] = options and options[name] or default end
  if not tostring(config.decimal_precision):find "^%d+$" then error("decimal_precision must be a whole number", 2) end
  config.number_format = "%." .. config.decimal_precision .. "f"
  config.skip_fields = config.skip_fields_str and field_util.field_map(config.skip_fields_str) or {}
  config.tags, config.tags_all_base, config.tags_all = field_util.field_map(config.tag_fields_str)
  return config
end

local function escaped(text) return (tostring(text):gsub("([ ,=])", "\\%1")) end

-- Calls use(name, value, field name) for each value of each field of the message.
local function each_value(config, use)
  local seen = {}
  for _, field in ipairs(decode_message(read_message "raw").Fields or {}) do
    local name = config.carbon_format and field.name:gsub("[^%w]", "_") or field.name
    local times = seen[name] or 0
    seen[name] = times + 1
    local shown = times > 0 and name .. "_fidx_" .. times or name
    local values = type(field.value) == "table" and field.value or {field.value}
    for i, value in ipairs(values) do
      use(i > 1 and ("%s_vidx_%d"):format(shown, i - 1) or shown, value, name)
    end
  end
end

local function points_of(config)
  local prefix = interpolate.interpolate_from_msg(config.name_prefix or "")
  local before = config.multi_fields and "" or prefix .. (config.name_prefix_delimiter or "")
  local points = {}
  each_value(config, function(name, value, field_name)
    if config.source_value_field then
      if field_name == config.source_value_field then points[#points + 1] = {prefix, value} end
    elseif not config.skip_fields[field_name] then
      points[#points + 1] = {before .. name, value}
    end
  end)
  return points, prefix
end

local function tags_of(config)
  local tags = {}
  for name in pairs(field_util.base_fields_tag_list) do
    local value = read_message(name)
    if (config.tags_all or config.tags[name]) and value ~= nil and value ~= "" then
      tags[#tags + 1] = escaped(name) .. "=" .. escaped(value)
    end
  end
  each_value(config, function(name, value, field_name)
    if config.tags_all or config.tags[field_name] then tags[#tags + 1] = escaped(name) .. "=" .. escaped(value) end
  end)
  table.sort(tags)
  return table.concat(tags, ",")
end

function M.carbon_line_msg(config)
  local time = field_util.message_timestamp(config.timestamp_precision)
  local lines = {}
  for _, point in ipairs(points_of(config)) do
    local value = tostring(point[2])
    if tonumber(value) and value:find "%d" then lines[#lines + 1] = ("%s %s %.0f"):format(point[1], value, time) end
  end
  return lines
end

local function influx_value(config, value)
  if type(value) == "boolean" then return tostring(value) end
  if tonumber(value) and (type(value) == "number" or tostring(value):find "^[%d.]+$") then
    return config.number_format:format(tonumber(value))
  end
  return '"' .. tostring(value):gsub('[\\"]', "\\%0") .. '"'
end

function M.influxdb_line_msg(config)
  local time = field_util.message_timestamp(config.timestamp_precision)
  local points, prefix = points_of(config)
  local tags, lines, fields = tags_of(config), {}, {}
  if tags ~= "" then tags = "," .. tags end
  for i, point in ipairs(points) do
    local value = influx_value(config, point[2])
    if config.multi_fields then
      fields[i] = escaped(point[1]) .. "=" .. value
    else
      lines[i] = ("%s%s %s=%s %.0f"):format(escaped(point[1]), tags, config.value_field_key, value, time)
    end
  end
  if fields[1] then lines[1] = ("%s%s %s %.0f"):format(escaped(prefix), tags, table.concat(fields, ","), time) end
  return lines
end

return M
