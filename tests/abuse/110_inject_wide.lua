--[[
---
name: a110_inject_wide
kind: filter
summary: inject_message with a field of a million values.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  local t = {}
  for i = 1, 50000 do t[i] = i end
  pcall(inject_message, { Fields = { x = t } })
end)
