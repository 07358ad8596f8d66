--[[
---
name: a030_sort_comparator
kind: filter
summary: A comparison for table.sort that never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  table.sort({ 3, 2, 1 }, function() while true do end end)
end)
