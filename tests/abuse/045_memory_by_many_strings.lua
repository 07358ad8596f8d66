--[[
---
name: a045_memory_by_many_strings
kind: filter
summary: Different strings without end.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local t, i = {}, 0
  while true do
    i = i + 1
    t[i] = 'string ' .. i
  end
end)
