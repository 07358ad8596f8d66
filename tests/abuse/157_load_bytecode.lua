--[[
---
name: a157_load_bytecode
kind: filter
summary: Bytecode instead of text.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: error
LJ
