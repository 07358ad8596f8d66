--[[
---
name: a027_gsub_callback
kind: filter
summary: A replacement function that never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local s = ('x'):gsub('.', function() while true do end end)
  assert(s)
end)
