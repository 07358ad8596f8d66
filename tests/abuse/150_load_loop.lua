--[[
---
name: a150_load_loop
kind: filter
summary: An endless loop while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: cpu_limit
while true do end
