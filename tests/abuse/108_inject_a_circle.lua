--[[
---
name: a108_inject_a_circle
kind: filter
summary: inject_message with a table that holds itself.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  local t = { Type = 'circle' }
  t.Fields = t
  t.x = t
  pcall(inject_message, t)
end)
