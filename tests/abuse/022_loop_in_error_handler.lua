--[[
---
name: a022_loop_in_error_handler
kind: filter
summary: A handler of xpcall that never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  xpcall(error, function() while true do end end)
end)
