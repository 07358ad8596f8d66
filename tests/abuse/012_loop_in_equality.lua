--[[
---
name: a012_loop_in_equality
kind: filter
summary: A loop in __eq.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local mt = { __eq = function() while true do end end }
  assert(setmetatable({}, mt) == setmetatable({}, mt))
end)
