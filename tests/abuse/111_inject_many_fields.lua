--[[
---
name: a111_inject_many_fields
kind: filter
summary: inject_message with more fields than a message holds.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_message_fields
process_message = require "abuse"(function()
  local t = {}
  for i = 1, 5000 do t['f' .. i] = i end
  pcall(inject_message, { Fields = t })
end)
