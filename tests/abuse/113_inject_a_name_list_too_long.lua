--[[
---
name: a113_inject_a_name_list_too_long
kind: filter
summary: inject_message with names that together are larger than a pack.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  local t = {}
  for i = 1, 100 do t[i .. ('x'):rep(30000)] = 1 end
  pcall(inject_message, { Fields = t })
end)
