--[[
---
name: a260_memory_by_patterns
kind: filter
summary: Patterns of LPEG without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit|error
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local p = lpeg.P 'a'
  while true do p = p + lpeg.P(('b'):rep(1000)) end
end)
