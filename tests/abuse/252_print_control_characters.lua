--[[
---
name: a252_print_control_characters
kind: filter
summary: What is printed tries to control the terminal.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  print('\27[2J\27]0;owned\7\155\0\r\nERROR forged\8\127')
end)
