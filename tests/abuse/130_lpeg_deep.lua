--[[
---
name: a130_lpeg_deep
kind: filter
summary: A pattern built a hundred thousand deep.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|signal|memory_limit|cpu_limit|fails
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local p = lpeg.P 'x'
  for _ = 1, 20000 do p = lpeg.C(p) end
  lpeg.match(p, 'x')
end)
