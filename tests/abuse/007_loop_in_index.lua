--[[
---
name: a007_loop_in_index
kind: filter
summary: A loop in __index.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = setmetatable({}, { __index = function() while true do end end })
  local x = t.x
  assert(x)
end)
