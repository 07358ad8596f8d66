--[[
Helpers for tables, as in Hindsight.

- `behead_array(index, array)`: removes the elements before `index`, in place
- `pairs_by_key(table [, less])` -> an iterator over keys and values, sorted by key
- `merge_objects(into, from)` -> `into`, or `from` if there is none: numbers are added, strings and booleans replaced, tables
  merged; a value with another type in `from` is not changed
--]]

local table = require "table"
local util = require "util"

local pairs, type = pairs, type

local M = {behead_array = util.behead_array}

function M.pairs_by_key(of, less)
  local keys, at = {}, 0
  for key in pairs(of) do keys[#keys + 1] = key end
  table.sort(keys, less)
  return function()
    at = at + 1
    local key = keys[at]
    if key ~= nil then return key, of[key] end
  end
end

function M.merge_objects(into, from)
  if into == nil then return from end
  local kind = type(into)
  if kind ~= type(from) then return into end
  if kind == "number" then return into + from end
  if kind ~= "table" then return from end
  for key, value in pairs(from) do into[key] = M.merge_objects(into[key], value) end
  return into
end

return M
