--[[
---
name: a173_fields_of_its_own
kind: filter
summary: More than the script's own header says, as a list.
message_matcher: Logger == 'abused'
limits:
  max_message_fields: 5
---
--]]
-- expect: max_message_fields
process_message = require "abuse"(function()
  local t = {}
  for i = 1, 6 do t[i] = { name = 'x', value = i } end
  inject_message { Fields = t }
end)
