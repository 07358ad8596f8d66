--[[
---
name: a044_memory_by_a_doubled_string
kind: filter
summary: A string that doubles.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local s = 'x'
  while true do s = s .. s end
end)
