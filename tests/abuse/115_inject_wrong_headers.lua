--[[
---
name: a115_inject_wrong_headers
kind: filter
summary: inject_message with headers of wrong types.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  pcall(inject_message, { Type = {}, Logger = 1, Payload = {}, Uuid = 1, Severity = 'x', Pid = {}, Hostname = print })
end)
