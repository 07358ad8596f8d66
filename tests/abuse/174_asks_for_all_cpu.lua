--[[
---
name: a174_asks_for_all_cpu
kind: filter
summary: A header that asks for eleven days for a record.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 1000000000
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do end
end)
