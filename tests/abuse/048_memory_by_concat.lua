--[[
---
name: a048_memory_by_concat
kind: filter
summary: table.concat of one long string many times.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local s, t = ('x'):rep(1e6), {}
  for i = 1, 1000 do t[i] = s end
  table.concat(t)
end)
