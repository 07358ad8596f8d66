--[[
---
name: a116_inject_wrong_timestamps
kind: filter
summary: inject_message with timestamps that are no times.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  for _, v in ipairs { 0 / 0, math.huge, 1e300, 'x', {}, print, 1i, ('9'):rep(1000) } do pcall(inject_message, { Timestamp = v, Payload = {} }) end
end)
