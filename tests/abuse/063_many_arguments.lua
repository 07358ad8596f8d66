--[[
---
name: a063_many_arguments
kind: filter
summary: unpack of more values than the stack holds.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(not pcall(unpack, {}, 1, 1e7))
  assert(not pcall(string.char, unpack({}, 1, 5000)))
end)
