--[[
---
name: a158_load_without_functions
kind: filter
summary: A script that defines no function that could be called.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: error
process_message = {}
