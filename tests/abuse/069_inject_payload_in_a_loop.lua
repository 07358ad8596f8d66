--[[
---
name: a069_inject_payload_in_a_loop
kind: filter
summary: Payloads injected without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_process_inject
process_message = require "abuse"(function()
  while true do pcall(inject_payload, 'txt', 'flood', 'x') end
end)
