--[[
---
name: a096_metatables_of_functions
kind: filter
summary: Metatables of functions, numbers, nil and booleans.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, v in ipairs { print, inject_message, 1, true, 1LL } do
    assert(type(getmetatable(v)) ~= 'table')
    assert(not pcall(setmetatable, v, {}))
  end
  assert(getmetatable(nil) == nil)
end)
