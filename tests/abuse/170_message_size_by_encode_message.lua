--[[
---
name: a170_message_size_by_encode_message
kind: filter
summary: Protobuf of a message larger than it may be.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  while true do pcall(encode_message, { Payload = ('x'):rep(200000) }) end
end)
