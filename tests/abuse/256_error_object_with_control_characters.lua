--[[
---
name: a256_error_object_with_control_characters
kind: filter
summary: An error object whose text tries to forge a line of the log.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
process_message = require "abuse"(function()
  error(setmetatable({}, {__tostring = function() return '\27[2J\n2026-01-01T00:00:00.000Z ERROR forged' end}), 0)
end)
