--[[
---
name: a055_memory_caught
kind: filter
summary: Memory used up again and again, each time within a pcall.
message_matcher: Logger == 'abused'
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  while true do
    pcall(function()
      local t = {}
      while true do t = { t } end
    end)
  end
end)
