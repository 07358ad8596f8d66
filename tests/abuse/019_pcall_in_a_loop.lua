--[[
---
name: a019_pcall_in_a_loop
kind: filter
summary: An endless loop that catches every error.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do pcall(error, 'x') end
end)
