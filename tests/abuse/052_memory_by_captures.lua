--[[
---
name: a052_memory_by_captures
kind: filter
summary: LPEG captures in a table, without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit|cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local s = ('x'):rep(4e6)
  lpeg.match(lpeg.Ct(lpeg.C(1) ^ 0), s)
  lpeg.match(lpeg.Ct((lpeg.Cp() * 1) ^ 0), s)
end)
