--[[
---
name: a035_lpeg_nested_searches
kind: filter
summary: Searches within searches, a high power of the length.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local p = lpeg.P 'b'
  for _ = 1, 6 do p = (1 - p) ^ 0 * p end
  lpeg.match(p ^ 0, ('a'):rep(3000))
end)
