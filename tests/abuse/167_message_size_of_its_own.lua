--[[
---
name: a167_message_size_of_its_own
kind: filter
summary: More than the script's own header says.
message_matcher: Logger == 'abused'
limits:
  max_message_size: 2048
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  inject_message { Payload = ('x'):rep(3000) }
end)
