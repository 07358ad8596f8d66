--[[
---
name: a025_one_long_find
kind: filter
summary: A search whose pattern goes back and forth.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local s = ('a'):rep(5000)
  assert(s:find('.-.-.-.-.-b'))
end)
