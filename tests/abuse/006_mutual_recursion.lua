--[[
---
name: a006_mutual_recursion
kind: filter
summary: Two functions that call each other for ever.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local f
  local function g() return f() end
  function f() return g() end
  f()
end)
