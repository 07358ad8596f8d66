--[[
---
name: a112_inject_long_names
kind: filter
summary: inject_message with names of fields longer than a name may be.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  pcall(inject_message, { Fields = { [('x'):rep(70000)] = 1 } })
end)
