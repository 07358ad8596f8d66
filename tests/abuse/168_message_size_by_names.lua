--[[
---
name: a168_message_size_by_names
kind: filter
summary: Small values of fields with long names.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  local t = {}
  for i = 1, 40 do t[('x'):rep(5000) .. i] = true end
  inject_message { Fields = t }
end)
