--[[
---
name: a039_read_message_in_a_loop
kind: filter
summary: read_message without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do read_message 'Payload' end
end)
