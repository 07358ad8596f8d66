--[[
---
name: a018_print_whose_text_loops
kind: filter
summary: An argument of print whose __tostring never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  print(setmetatable({}, { __tostring = function() while true do end end }))
end)
