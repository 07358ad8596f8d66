--[[
---
name: a151_load_memory
kind: filter
summary: Memory without end while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: memory_limit
local t = {}
while true do t = { t } end
