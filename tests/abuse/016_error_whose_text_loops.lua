--[[
---
name: a016_error_whose_text_loops
kind: filter
summary: An error object whose __tostring never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  error(setmetatable({}, { __tostring = function() while true do end end }))
end)
