--[[
---
name: a058_memory_in_timer_event
kind: filter
summary: Memory used up in timer_event.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require 'abuse'(function() end)
function timer_event()
  local t = {}
  while true do t = { t } end
end
