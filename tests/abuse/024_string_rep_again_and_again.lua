--[[
---
name: a024_string_rep_again_and_again
kind: filter
summary: Strings made in a loop.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local n = 0
  while true do n = n + #('x'):rep(1000) end
end)
