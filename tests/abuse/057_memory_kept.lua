--[[
---
name: a057_memory_kept
kind: filter
summary: Memory that is kept in a global until nothing is left to say so with.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  kept = {}
  local i = 0
  while true do
    i = i + 1
    kept[i] = { i }
  end
end)
