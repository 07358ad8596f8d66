--[[
---
name: a010_loop_in_concat
kind: filter
summary: A loop in __concat.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = setmetatable({}, { __concat = function() while true do end end })
  local s = t .. "x"
  assert(s)
end)
