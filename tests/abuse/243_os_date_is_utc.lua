--[[
---
name: a243_os_date_is_utc
kind: filter
summary: os.date of the host's time zone.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(os.date('%H:%M %z', 0) == '00:00 +0000')
  assert(os.date('*t', 1719835200).hour == os.date('!*t', 1719835200).hour)
end)
