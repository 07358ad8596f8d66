--[[
---
name: a008_loop_in_newindex
kind: filter
summary: A loop in __newindex.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = setmetatable({}, { __newindex = function() while true do end end })
  t.x = 1
end)
