--[[
---
name: a265_memory_by_errors
kind: filter
summary: Errors that hold tables, caught without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local kept = {}
  while true do
    local _, e = pcall(error, {#kept, ('x'):rep(1000) .. #kept})
    kept[#kept + 1] = e
  end
end)
