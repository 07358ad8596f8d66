--[[
---
name: a043_memory_by_an_array
kind: filter
summary: An array without end.
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
    t[i] = i
  end
end)
