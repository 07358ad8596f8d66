--[[
---
name: a156_load_read
kind: filter
summary: A message read while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: error
read_message 'Payload'
