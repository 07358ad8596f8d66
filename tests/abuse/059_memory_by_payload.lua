--[[
---
name: a059_memory_by_payload
kind: filter
summary: A payload of strings that are each within the limit.
message_matcher: Logger == 'abused'
---
--]]
-- expect: output_limit
process_message = require "abuse"(function()
  while true do add_to_payload(('x'):rep(60000)) end
end)
