--[[
---
name: a066_output_limit_of_inject_payload
kind: filter
summary: The same through inject_payload.
message_matcher: Logger == 'abused'
---
--]]
-- expect: output_limit
process_message = require "abuse"(function()
  pcall(inject_payload, 'txt', 'x', ('x'):rep(70000))
end)
