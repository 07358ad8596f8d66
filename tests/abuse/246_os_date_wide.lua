--[[
---
name: a246_os_date_wide
kind: filter
summary: os.date with a field as wide as memory.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  pcall(os.date, '%1000000000d', 0)
  pcall(os.date, '%99999999999999999999Y', 0)
end)
