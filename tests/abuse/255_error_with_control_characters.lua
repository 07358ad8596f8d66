--[[
---
name: a255_error_with_control_characters
kind: filter
summary: The text of an error tries to control the terminal.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
process_message = require "abuse"(function()
  error('\27[2J\r\n2026-01-01T00:00:00.000Z ERROR   forged: all is well \226\128\174', 0)
end)
