--[[
---
name: a266_memory_by_upper
kind: filter
summary: Case changed of longer and longer texts.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local text = 'abc'
  while true do text = text:upper() .. text:lower() .. text:reverse() end
end)
