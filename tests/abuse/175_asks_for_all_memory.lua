--[[
---
name: a175_asks_for_all_memory
kind: filter
summary: A header that asks for a terabyte.
message_matcher: Logger == 'abused'
limits:
  memory_limit: 1099511627776
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local t = {}
  while true do t[#t + 1] = ('x'):rep(1000000) .. #t end
end)
