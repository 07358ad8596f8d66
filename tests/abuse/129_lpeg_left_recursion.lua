--[[
---
name: a129_lpeg_left_recursion
kind: filter
summary: Grammars that LPEG must refuse.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local P, V = lpeg.P, lpeg.V
  assert(not pcall(P, { V(1) * 'a' + 'b' }))
  assert(not pcall(P, { 'x', x = V 'y', y = V 'x' }))
  assert(not pcall(function() return P(true) ^ 0 end))
  assert(not pcall(P, { V 'nowhere' }))
end)
