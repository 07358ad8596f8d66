--[[
---
name: a009_loop_in_call
kind: filter
summary: A loop in __call.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = setmetatable({}, { __call = function() while true do end end })
  t()
end)
