--[[
---
name: a117_inject_wrong_values
kind: filter
summary: inject_message with values that are no values.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  for _, v in ipairs { print, {}, { {} }, { 1, 'x' }, { value = {} }, { value = print }, { value = 1, value_type = 9 }, { value = 'x', value_type = 2 }, { value = { {}, {} }, value_type = 0 }, { value = { 1, 2 }, value_type = 0 }, { value = { 'x', 'y' }, value_type = 3 } } do
    assert(not pcall(inject_message, { Fields = { a = v, b = print } }))
  end
end)
