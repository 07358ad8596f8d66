--[[
---
name: a004_goto_loop
kind: filter
summary: An endless loop by goto.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  ::again::
  goto again
end)
