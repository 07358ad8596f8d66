--[[
---
name: a042_memory_by_tables
kind: filter
summary: Tables without end.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local t = {}
  while true do t = { t } end
end)
