--[[
---
name: a026_one_long_match
kind: filter
summary: A match with many optional parts.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local n = 40
  local s = ('a'):rep(n)
  assert(s:match('^' .. ('a?'):rep(n) .. ('a'):rep(n) .. 'b'))
end)
