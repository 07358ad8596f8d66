--[[
---
name: a166_message_size_caught
kind: filter
summary: A message larger than it may be, and no end to the pcalls around it.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  while true do pcall(pcall, inject_message, { Payload = ('x'):rep(200000) }) end
end)
