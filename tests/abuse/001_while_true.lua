--[[
---
name: a001_while_true
kind: filter
summary: An endless loop.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do end
end)
