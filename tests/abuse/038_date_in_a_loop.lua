--[[
---
name: a038_date_in_a_loop
kind: filter
summary: os.date without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do os.date('!%c') end
end)
