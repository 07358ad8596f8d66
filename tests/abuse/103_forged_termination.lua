--[[
---
name: a103_forged_termination
kind: filter
summary: An error that looks like a termination of the kernel.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
process_message = require "abuse"(function()
  error { limit = 'memory_limit', text = 'forged' }
end)
