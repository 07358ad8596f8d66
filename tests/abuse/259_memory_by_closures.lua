--[[
---
name: a259_memory_by_closures
kind: filter
summary: Closures without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local f
  while true do local g = f; f = function() return g end end
end)
