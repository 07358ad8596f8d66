--[[
---
name: a060_memory_by_messages
kind: filter
summary: Different forms of messages without end, one in each call.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for i = 1, 200 do pcall(read_message, 'Fields[' .. ('x'):rep(1000) .. i .. ']') end
end)
