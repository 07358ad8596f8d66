--[[
---
name: a014_index_chain
kind: filter
summary: Tables whose __index is the next of many, and the last one loops.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local t = setmetatable({}, { __index = function() while true do end end })
  for _ = 1, 50 do t = setmetatable({}, { __index = t }) end
  assert(t.x)
end)
