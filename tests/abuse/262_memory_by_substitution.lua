--[[
---
name: a262_memory_by_substitution
kind: filter
summary: A substitution of LPEG that grows.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local text = 'x'
  local p = lpeg.Cs((lpeg.P 'x' / ('x'):rep(64)) ^ 0)
  while true do text = lpeg.match(p, text) end
end)
