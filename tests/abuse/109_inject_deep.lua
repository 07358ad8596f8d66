--[[
---
name: a109_inject_deep
kind: filter
summary: inject_message with tables within tables within tables.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  local t = {}
  for _ = 1, 10000 do t = { t } end
  pcall(inject_message, { Fields = { x = t } })
end)
