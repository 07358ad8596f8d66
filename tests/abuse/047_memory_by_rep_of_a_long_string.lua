--[[
---
name: a047_memory_by_rep_of_a_long_string
kind: filter
summary: A long string, repeated.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local s = ('x'):rep(1e6)
  local t = s:rep(1000)
  assert(t)
end)
