--[[
---
name: a254_print_broken_utf8
kind: filter
summary: What is printed is no text.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  print(string.char(0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80, 0xf4, 0x90, 0x80, 0x80))
end)
