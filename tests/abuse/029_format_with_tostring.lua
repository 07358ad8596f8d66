--[[
---
name: a029_format_with_tostring
kind: filter
summary: string.format that asks an object for its text.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  string.format('%s', setmetatable({}, { __tostring = function() while true do end end }))
end)
