--[[
---
name: a258_print_long
kind: filter
summary: One line that is longer than a datagram.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  print(('x'):rep(500000))
end)
