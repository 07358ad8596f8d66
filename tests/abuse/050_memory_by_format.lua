--[[
---
name: a050_memory_by_format
kind: filter
summary: A format that grows.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local s = 'x'
  while true do s = string.format('%s%s', s, s) end
end)
