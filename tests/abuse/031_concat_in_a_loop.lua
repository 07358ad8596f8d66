--[[
---
name: a031_concat_in_a_loop
kind: filter
summary: table.concat of the same table in a loop.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = {}
  for i = 1, 1000 do t[i] = 'x' end
  while true do table.concat(t) end
end)
