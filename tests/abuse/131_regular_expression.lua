--[[
---
name: a131_regular_expression
kind: filter
summary: A matcher whose regular expression would backtrack for ever.
message_matcher: Logger == 'abused' && Payload !~ /^((a+)+)+$/ && Payload !~ /(a|aa)*c/ && Payload !~ /(.*)*(.*)*(.*)*x/
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local long = ('a'):rep(10)
  assert(#long == 10)
end)
