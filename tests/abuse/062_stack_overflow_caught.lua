--[[
---
name: a062_stack_overflow_caught
kind: filter
summary: The same, caught.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local function f() return 1 + f() end
  assert(not pcall(f))
end)
