--[[
---
name: a159_load_require_in_a_circle
kind: filter
summary: A module that is not there, asked for without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: protocol|cpu_limit
while true do pcall(require, 'no_such_module') end
