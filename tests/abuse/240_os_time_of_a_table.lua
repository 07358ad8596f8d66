--[[
---
name: a240_os_time_of_a_table
kind: filter
summary: os.time of a table, which has the C library look at the time zone.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(os.time {year = 2024, month = 7, day = 1, hour = 12} == 1719835200)
  assert(os.time {year = 2024, month = 7, day = 1, hour = 12, isdst = true})
end)
