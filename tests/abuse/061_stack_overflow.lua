--[[
---
name: a061_stack_overflow
kind: filter
summary: A recursion without end, which is an error like any other.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
process_message = require "abuse"(function()
  local function f() return 1 + f() end
  f()
end)
