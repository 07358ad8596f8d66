--[[
---
name: a041_globals_whose_look_up_loops
kind: filter
summary: A metatable of _G with an __index that never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  setmetatable(_G, { __index = function() while true do end end })
  local x = nowhere
  assert(x)
end)
