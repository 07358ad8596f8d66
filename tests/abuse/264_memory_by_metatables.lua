--[[
---
name: a264_memory_by_metatables
kind: filter
summary: Metatables without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local t = {}
  while true do t = setmetatable({}, {__index = t, __newindex = t}) end
end)
