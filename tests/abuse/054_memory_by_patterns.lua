--[[
---
name: a054_memory_by_patterns
kind: filter
summary: LPEG patterns without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit|cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local t = {}
  while true do t[#t + 1] = lpeg.P(('x'):rep(1000)) end
end)
