--[[
---
name: a171_fields_by_write_message
kind: decoder
summary: One field after the other.
limits:
  max_message_fields: 60
---
--]]
-- expect: max_message_fields
process_message = require "abuse"(function()
  for i = 1, 2000 do pcall(write_message, 'Fields[f' .. i .. ']', i) end
end)
