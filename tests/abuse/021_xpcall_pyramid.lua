--[[
---
name: a021_xpcall_pyramid
kind: filter
summary: The same with xpcall and a handler that tries again.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local function f() error 'x' end
  local function again() xpcall(f, again) xpcall(f, again) end
  while true do xpcall(again, again) end
end)
