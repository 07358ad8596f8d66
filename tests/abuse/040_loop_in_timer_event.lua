--[[
---
name: a040_loop_in_timer_event
kind: filter
summary: An endless loop in timer_event.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require 'abuse'(function() end)
function timer_event() while true do end end
