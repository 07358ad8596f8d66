--[[
---
name: a028_gsub_that_backtracks
kind: filter
summary: A replacement whose pattern backtracks.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local s = ('a'):rep(5000):gsub('(.-)(.-)(.-)(.-)(.-)b', '')
  assert(s)
end)
