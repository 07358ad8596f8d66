--[[
---
name: a126_absurd_setmetatable
kind: filter
summary: Absurd uses of setmetatable and rawset.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(not pcall(setmetatable, _G, 1))
  assert(not pcall(setmetatable, nil, {}))
  assert(not pcall(rawset, {}, nil, 1))
  assert(not pcall(rawset, {}, 0 / 0, 1))
  setmetatable(_G, { __metatable = false, __newindex = function() end })
end)
