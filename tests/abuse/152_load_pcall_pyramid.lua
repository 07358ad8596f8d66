--[[
---
name: a152_load_pcall_pyramid
kind: filter
summary: Calls of pcall that each make two more, while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: cpu_limit
local function f()
  pcall(f)
  pcall(f)
end
f()
function process_message() return 0 end
