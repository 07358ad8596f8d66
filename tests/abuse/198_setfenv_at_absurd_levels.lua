--[[
---
name: a198_setfenv_at_absurd_levels
kind: filter
summary: "setfenv with levels and environments that are none."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, level in ipairs { 0, -1, 1.5, 2, 3, 4, 5, 6, 7, 100, 1e9, 2 ^ 53, 1 / 0, 0 / 0, "1", true, {}, print, read_message, _G } do
    local ok, answer = pcall(setfenv, level, {})
    assert(not ok and type(answer) == "string")
  end
  for _, env in ipairs { 1, "x", true, print, 1LL } do
    assert(not pcall(function() setfenv(1, env) end))
  end
  assert(not pcall(function() setfenv(1) end))
end)
