--[[
---
name: a089_pattern_metatable
kind: filter
summary: The metatable of LPEG's patterns, with its __gc.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local p = lpeg.P 'x'
  assert(type(getmetatable(p)) ~= 'table')
  assert(p.__gc == nil and not pcall(function() p.x = 1 end))
end)
