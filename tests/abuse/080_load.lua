--[[
---
name: a080_load
kind: filter
summary: Functions that make code of text.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(load == nil and loadstring == nil and dofile == nil and loadfile == nil)
end)
