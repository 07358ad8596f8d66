--[[
---
name: a081_string_dump
kind: filter
summary: Bytecode of a function.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(string.dump == nil)
  assert(('').dump == nil)
  assert(require('string').dump == nil)
end)
