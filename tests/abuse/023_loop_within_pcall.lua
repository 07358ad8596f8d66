--[[
---
name: a023_loop_within_pcall
kind: filter
summary: An endless loop that a pcall is to protect.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do pcall(function() while true do end end) end
end)
