--[[
---
name: a100_error_object_uncaught
kind: filter
summary: An error whose text is no text.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
process_message = require "abuse"(function()
  error(setmetatable({}, { __tostring = function() return {} end }))
end)
