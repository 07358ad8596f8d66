--[[
---
name: a087_string_metatable
kind: filter
summary: The metatable that all strings share.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local mt = getmetatable ''
  assert(type(mt) ~= 'table')
  assert(not pcall(setmetatable, '', {}))
  assert(not pcall(rawset, '', 'x', 1))
end)
