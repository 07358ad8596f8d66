--[[
---
name: a002_repeat_until_false
kind: filter
summary: An endless loop of another kind.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  repeat local x = 1 until x == 2
end)
