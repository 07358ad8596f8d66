--[[
---
name: a034_lpeg_function_capture
kind: filter
summary: A function capture that never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  lpeg.match(lpeg.P(1) / function() while true do end end, 'x')
end)
