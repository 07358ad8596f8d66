--[[
---
name: a205_keys_that_are_objects
kind: filter
summary: "Names of fields and headers that are tables with metamethods."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local mt = {}
  for _, event in ipairs { "__lt", "__le", "__eq", "__concat", "__index", "__tostring" } do
    mt[event] = function() return setfenv(1, {}) end
  end
  local a, b = setmetatable({}, mt), setmetatable({}, mt)
  for _, msg in ipairs { { Fields = { [a] = 1, [b] = 2 } }, { [a] = 1, [b] = 2 }, { Fields = { c = { [a] = 1 } } } } do
    assert(not pcall(encode_message, msg))
  end
  pcall(encode_message, { Fields = { { name = a, value = 1 } } })
  pcall(encode_message, { Fields = { 1, 2 } })
end)
