--[[
---
name: a197_load_functions_of_a_metatable
kind: filter
summary: "process_message stands in the metatable of _G only."
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: error
setmetatable(_G, { __index = function(_, k)
  if k == "process_message" or k == "timer_event" then return setfenv(1, _G) end
end })
