--[[
---
name: a161_load_decoder_loop
kind: decoder
summary: A decoder whose grammar is built without end.
---
--]]
-- expect: refused: cpu_limit|memory_limit
local lpeg = require 'lpeg'
local p = lpeg.P 'x'
while true do p = p + lpeg.P 'y' end
