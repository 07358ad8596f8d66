--[[
---
name: a155_load_inject
kind: filter
summary: A message injected while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: max_process_inject
while true do pcall(inject_message, { Type = 'flood' }) end
