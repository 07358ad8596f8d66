--[[
---
name: a067_inject_in_a_loop
kind: filter
summary: Messages injected without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_process_inject
process_message = require "abuse"(function()
  while true do inject_message { Type = 'flood' } end
end)
