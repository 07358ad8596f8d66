--[[
---
name: a049_memory_by_gsub
kind: filter
summary: A replacement that grows.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local s = ('x'):rep(1000)
  while true do s = s:gsub('x', 'xxxxxxxx') end
end)
