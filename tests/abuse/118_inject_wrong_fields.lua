--[[
---
name: a118_inject_wrong_fields
kind: filter
summary: inject_message with Fields that are no fields.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  for _, v in ipairs { 1, 'x', { 1, 2 }, { 'x' }, { { value = 1 } }, { { name = {}, value = 1 } }, { [true] = 1 }, { [1.5] = 1, x = 2 } } do pcall(inject_message, { Fields = v, Payload = {} }) end
end)
