--[[
Helpers for tables.

- `table_to_fields(from, fields [, parent [, separator = "." [, max_depth] ] ])`: flattens `from` into the table
  `fields`: {a = {b = 1}} becomes {["a.b"] = 1}. parent: a prefix for the names. Values nested deeper than
  max_depth levels become JSON text. Functions, and a table that contains itself, are errors.
- `behead_array(index, array)`: removes the elements before `index`, in place

Source: the API of the util modules of Heka and Hindsight.
--]]

local cjson = require "cjson"

local error, pairs, tostring, type = error, pairs, tostring, type

local M = {}

local function flatten(from, fields, parent, how, depth, above)
  if above[from] then error("table_to_fields: a table contains itself", 0) end
  above[from] = true
  for key, value in pairs(from) do
    local name = parent and parent .. how.separator .. tostring(key) or key
    if type(value) ~= "table" then
      if type(value) == "function" then error("table_to_fields: " .. tostring(name) .. " is a function", 0) end
      fields[name] = value
    elseif how.max_depth and depth >= how.max_depth then
      fields[name] = cjson.encode(value)
    else
      flatten(value, fields, tostring(name), how, depth + 1, above)
    end
  end
  above[from] = nil
end

function M.table_to_fields(from, fields, parent, separator, max_depth)
  local how = {
    separator = type(separator) == "string" and separator or ".",
    max_depth = type(max_depth) == "number" and max_depth or nil,
  }
  flatten(from, fields, parent, how, 1, {})
end

function M.behead_array(index, array)
  if index <= 1 then return end
  local length = #array
  for i = 1, length do array[i] = i + index - 1 <= length and array[i + index - 1] or nil end
end

return M
