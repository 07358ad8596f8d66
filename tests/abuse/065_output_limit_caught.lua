--[[
---
name: a065_output_limit_caught
kind: filter
summary: A payload beyond output_limit, in a pcall, in a loop.
message_matcher: Logger == 'abused'
---
--]]
-- expect: output_limit
process_message = require "abuse"(function()
  while true do pcall(add_to_payload, 'x') end
end)
