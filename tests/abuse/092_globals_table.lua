--[[
---
name: a092_globals_table
kind: filter
summary: _G emptied.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local inject, read, set = inject_message, read_message, rawset
  local g = _G
  for name in pairs(g) do set(g, name, nil) end
  g.inject_message, g.read_message = inject, read
end)
