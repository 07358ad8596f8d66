--[[
---
name: a003_for_to_infinity
kind: filter
summary: A loop to a number that is never reached.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local n = 0
  for i = 1, math.huge do n = n + i % 3 end
end)
