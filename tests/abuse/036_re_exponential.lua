--[[
---
name: a036_re_exponential
kind: filter
summary: A grammar of the module re that takes exponential time.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local re = require 're'
  assert(re.match(('a'):rep(100), "s <- 'a' s 'b' / 'a' s 'c' / 'a'"))
end)
