--[[
---
name: a140_decoder_type_of_a_table
kind: decoder
summary: A Type whose text is a table that concatenates, written to a message.
---
--]]
-- expect: held|fails
process_message = require "abuse"(function()
  local fake = setmetatable({}, { __concat = function() return 'evil' end })
  pcall(write_message, 'Type', setmetatable({}, { __tostring = function() return fake end }))
end)
