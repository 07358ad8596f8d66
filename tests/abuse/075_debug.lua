--[[
---
name: a075_debug
kind: filter
summary: The debug library.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(debug == nil)
  assert(not pcall(require, 'debug'))
end)
