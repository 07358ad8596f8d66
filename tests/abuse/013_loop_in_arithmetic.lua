--[[
---
name: a013_loop_in_arithmetic
kind: filter
summary: A loop in __unm.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = setmetatable({}, { __unm = function() while true do end end })
  assert(-t)
end)
