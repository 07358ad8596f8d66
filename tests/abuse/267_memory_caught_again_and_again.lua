--[[
---
name: a267_memory_caught_again_and_again
kind: filter
summary: The end of memory, caught in each of many calls.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  for _ = 1, 1000 do
    pcall(function()
      local t = {}
      while true do t[#t + 1] = {t} end
    end)
  end
end)
