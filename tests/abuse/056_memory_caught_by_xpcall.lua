--[[
---
name: a056_memory_caught_by_xpcall
kind: filter
summary: Memory used up within an xpcall whose handler is content.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local t = {}
  while true do
    xpcall(function() while true do t[#t + 1] = {} end end, function() return 'fine' end)
  end
end)
