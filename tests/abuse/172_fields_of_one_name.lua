--[[
---
name: a172_fields_of_one_name
kind: decoder
summary: The same field, as often as it goes.
limits:
  max_message_fields: 60
---
--]]
-- expect: max_message_fields
process_message = require "abuse"(function()
  for i = 1, 2000 do pcall(write_message, 'Fields[x]', i, nil, i) end
end)
