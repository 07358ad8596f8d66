--[[
---
name: a068_inject_in_a_loop_caught
kind: filter
summary: The same, in a pcall.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_process_inject
process_message = require "abuse"(function()
  while true do pcall(inject_message, { Type = 'flood' }) end
end)
