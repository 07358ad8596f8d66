--[[
---
name: a005_tail_calls
kind: filter
summary: Tail calls without end, which use no stack.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local function f(n) return f(n + 1) end
  f(0)
end)
