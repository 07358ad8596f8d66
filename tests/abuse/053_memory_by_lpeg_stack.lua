--[[
---
name: a053_memory_by_lpeg_stack
kind: filter
summary: LPEG's stack, allowed to grow without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit|cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  lpeg.setmaxstack(2e6)
  lpeg.match(lpeg.P { 'a' * lpeg.V(1) * 'b' + 'a' }, ('a'):rep(4e6))
end)
