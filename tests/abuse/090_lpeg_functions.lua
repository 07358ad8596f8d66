--[[
---
name: a090_lpeg_functions
kind: filter
summary: The library lpeg, with functions that lie.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  for name in pairs(lpeg) do lpeg[name] = function() error 'a lie' end end
end)
