--[[
---
name: a245_os_date_long_format
kind: filter
summary: os.date with a format of a megabyte.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local ok, text = pcall(os.date, ('%c'):rep(50000), 0)
  assert(not ok or type(text) == 'string')
end)
