--[[
---
name: a072_print_in_a_loop
kind: filter
summary: Lines for the log without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do print(('x'):rep(1000)) end
end)
