--[[
---
name: a064_output_limit
kind: filter
summary: A payload beyond output_limit.
message_matcher: Logger == 'abused'
---
--]]
-- expect: output_limit
process_message = require "abuse"(function()
  add_to_payload(('x'):rep(70000))
end)
