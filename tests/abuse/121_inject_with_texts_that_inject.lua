--[[
---
name: a121_inject_with_texts_that_inject
kind: filter
summary: inject_message with objects whose text, when it is asked for, injects.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  local object = setmetatable({}, { __tostring = function() pcall(inject_message, { Type = 'flood' }) return 'text' end })
  pcall(inject_message, { Payload = object, Type = object, Fields = { a = object } })
end)
