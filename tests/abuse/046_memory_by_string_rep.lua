--[[
---
name: a046_memory_by_string_rep
kind: filter
summary: One string of a gigabyte.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  string.rep('x', 1024 ^ 3)
end)
