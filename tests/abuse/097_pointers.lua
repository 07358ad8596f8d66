--[[
---
name: a097_pointers
kind: filter
summary: Numbers of the FFI, used as if they were pointers.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(not pcall(function() return (1LL)[0] end))
  assert(not pcall(function() return (1LL).x end))
  assert(not pcall(function() (1LL)() end))
  assert(not pcall(function() return #1LL end))
end)
