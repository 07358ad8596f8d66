--[[
---
name: a020_pcall_pyramid
kind: filter
summary: Calls of pcall that each make two more, whatever fails.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local function f()
    pcall(f)
    pcall(f)
  end
  f()
end)
