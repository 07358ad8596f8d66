--[[
---
name: a190_setfenv_in_a_comparator
kind: filter
summary: "table.sort with comparators that call setfenv at each level and as a tail call."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for level = 0, 8 do
    pcall(table.sort, { 3, 1, 2 }, function() return setfenv(level, {}) end)
  end
  pcall(table.sort, { {}, {} }, function(a, b) return setfenv(1, a) end)
  assert(type(table.sort) == "function" and _G.setfenv)
end)
