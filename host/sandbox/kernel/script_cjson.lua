-- cjson as scripts have it, which is as Heka's had it: null of JSON is no value, unless decode_null(true) was called.
local calls = require "calls"

local find, next, type = string.find, next, type

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

  module.new = nil -- its decode would be another one
  return module
end
