--[[
---
name: a011_loop_in_comparison
kind: filter
summary: A loop in __lt.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local mt = { __lt = function() while true do end end }
  assert(setmetatable({}, mt) < setmetatable({}, mt))
end)
