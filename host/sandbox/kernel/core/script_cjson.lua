-- cjson as scripts have it, which is as Heka's had it: null of JSON is no value, unless decode_null(true) was called.
local calls = require "script_calls"
local json_size = require "json_size"

local find, next, type = string.find, next, type

local MAX_DEPTH = 1000 -- of nested values: cjson's own recursion has no other limit

local function without_null(value, null)
  if value == null then return nil end
  if type(value) == "table" then
    for key, inner in next, value do
      if inner == null then
        value[key] = nil
      elseif type(inner) == "table" then
        without_null(inner, null)
      end
    end
  end
  return value
end

-- raw: the module, with settings of its own
return function(raw)
  local module, keeps_null = {}, false
  for name, value in next, raw do
    module[name] = value
  end
  local decode, null = raw.decode, raw.null

  function module.decode(text)
    if type(text) ~= "string" then error("cjson.decode: takes a string, not a " .. type(text), 2) end
    local ok, value = pcall(decode, text)
    if not ok then
      if value == calls.OUT_OF_MEMORY then error(value, 0) end
      error(value, 2)
    end
    if keeps_null or not find(text, "null", 1, true) then return value end
    return without_null(value, null)
  end

  -- decode_null([whether]): whether null becomes cjson.null; answers what holds now
  function module.decode_null(whether)
    if whether ~= nil then keeps_null = whether and true or false end
    return keeps_null
  end

  function module.encode(...)
    if select("#", ...) ~= 1 then error("cjson.encode: takes one value", 2) end
    local ok, text = pcall(json_size.encode, raw, (...))
    if ok then return text end
    if text == calls.OUT_OF_MEMORY then error(text, 0) end
    error(text, 2)
  end

  -- The buffer is given back after each text: no limit of the script counts it.
  raw.encode_keep_buffer(false)
  function module.encode_keep_buffer() return false end

  for _, name in next, { "encode_max_depth", "decode_max_depth" } do
    local set = raw[name]
    module[name] = function(depth)
      if depth == nil then return set() end
      if type(depth) ~= "number" or not (depth >= 1 and depth <= MAX_DEPTH) then
        error("cjson." .. name .. ": takes a number from 1 to " .. MAX_DEPTH, 2)
      end
      return set(depth)
    end
  end

  module.new = nil -- its functions would have no limits
  return module
end
