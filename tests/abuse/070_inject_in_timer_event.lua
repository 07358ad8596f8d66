--[[
---
name: a070_inject_in_timer_event
kind: filter
summary: Messages injected without end in timer_event.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_timer_inject
process_message = require 'abuse'(function() end)
function timer_event()
  while true do pcall(inject_message, { Type = 'flood' }) end
end
