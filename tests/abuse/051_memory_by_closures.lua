--[[
---
name: a051_memory_by_closures
kind: filter
summary: Closures without end.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local f = function() end
  while true do
    local g = f
    f = function() return g end
  end
end)
