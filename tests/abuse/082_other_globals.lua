--[[
---
name: a082_other_globals
kind: filter
summary: What else Lua has that a script must not have.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(collectgarbage == nil and newproxy == nil and coroutine == nil and module == nil and getfenv == nil)
  assert(package == nil and gcinfo == nil)
end)
