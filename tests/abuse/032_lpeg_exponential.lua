--[[
---
name: a032_lpeg_exponential
kind: filter
summary: A grammar that takes exponential time.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local P, V = lpeg.P, lpeg.V
  local g = P { 'a' * V(1) * 'b' + 'a' * V(1) * 'c' + 'a' }
  assert(g:match(('a'):rep(100)))
end)
