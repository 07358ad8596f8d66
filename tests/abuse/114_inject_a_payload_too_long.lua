--[[
---
name: a114_inject_a_payload_too_long
kind: filter
summary: inject_message with a payload larger than a pack.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  pcall(inject_message, { Payload = ('x'):rep(2e6) })
end)
