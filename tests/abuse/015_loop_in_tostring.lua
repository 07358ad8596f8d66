--[[
---
name: a015_loop_in_tostring
kind: filter
summary: A loop in __tostring.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  tostring(setmetatable({}, { __tostring = function() while true do end end }))
end)
