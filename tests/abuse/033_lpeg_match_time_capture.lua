--[[
---
name: a033_lpeg_match_time_capture
kind: filter
summary: A match-time capture that never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  lpeg.match(lpeg.Cmt(lpeg.P(true), function() while true do end end), 'x')
end)
