--[[
---
name: a122_type_of_a_table
kind: filter
summary: A Type whose text is a table that concatenates.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  local fake = setmetatable({}, { __concat = function() return 'evil' end })
  pcall(inject_message, { Type = setmetatable({}, { __tostring = function() return fake end }) })
end)
