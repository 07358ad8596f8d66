--[[
Selects fields of a message by a user's list.

- `field_interp(text)` -> text with %{name} filled in (module msg_interpolate)
- `field_map(list)` -> set of names, true if all headers are selected, true if all fields are. The list is text with
  names separated by spaces. **all_base** selects all headers, **all** everything; nil or empty selects all headers.
- `message_timestamp([precision])` -> the message's Timestamp in whole "ms" (default), "s", "m" (minutes), "h", or "us", "ns"
- `used_base_fields(skip)` -> the set of headers that are not in the set `skip`
- `base_fields_list`, `base_fields_tag_list`: sets of the headers, and of those that make good tags

Source: the API of Heka's field_util module (us and ns are new).
--]]

local interpolate = require "msg_interpolate"
local math = require "math"

local error, pairs, read_message = error, pairs, read_message
local floor = math.floor

local M = {
  base_fields_list = {
    Type = true, Payload = true, Hostname = true, Pid = true, Logger = true, Severity = true, EnvVersion = true,
  },
  base_fields_tag_list = {Type = true, Hostname = true, Severity = true, Logger = true},
}

local UNIT_NS = {ns = 1, us = 1e3, ms = 1e6, s = 1e9, m = 60e9, h = 3600e9}

function M.field_interp(text) return interpolate.interpolate_from_msg(text) end

function M.field_map(list)
  if list == nil or list == "" then return M.used_base_fields{}, true, nil end
  local fields, all_base, all = {}, false, false
  for name in list:gmatch "%S+" do
    fields[name] = true
    all_base = all_base or name == "**all_base**"
    all = all or name == "**all**"
  end
  if all_base or all then
    for name in pairs(M.base_fields_list) do fields[name] = true end
  end
  return fields, all_base, all
end

function M.message_timestamp(precision)
  local unit = UNIT_NS[precision or "ms"]
  if not unit then error("field_util: the precision must be ns, us, ms, s, m or h", 2) end
  return floor(read_message "Timestamp" / unit)
end

function M.used_base_fields(skip)
  local fields = {}
  for name in pairs(M.base_fields_list) do
    if not skip[name] then fields[name] = true end
  end
  return fields
end

return M
