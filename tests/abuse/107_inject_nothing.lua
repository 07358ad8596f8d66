--[[
---
name: a107_inject_nothing
kind: filter
summary: inject_message with no table at all.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  pcall(inject_message)
  pcall(inject_message, nil)
  pcall(inject_message, 1)
  pcall(inject_message, 'x')
  pcall(inject_message, print)
end)
