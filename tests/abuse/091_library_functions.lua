--[[
---
name: a091_library_functions
kind: filter
summary: Every function of every library replaced.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local inject, kept = inject_message, {}
  for name, value in pairs(_G) do kept[name] = value end
  for name in pairs(kept) do
    if name ~= 'inject_message' and name ~= 'read_message' and name ~= '_G' then _G[name] = function() error 'a lie' end end
  end
  _G.process_message = nil
  assert = kept.assert
  kept.assert(inject)
end)
