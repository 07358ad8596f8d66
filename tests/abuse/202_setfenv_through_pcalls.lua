--[[
---
name: a202_setfenv_through_pcalls
kind: filter
summary: "setfenv through pcall, xpcall, and both many times over."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local ok, a, b, c = pcall(pcall, pcall, setfenv, 1, {})
  assert(ok and a and b == false)
  for _, f in ipairs { function() return pcall(setfenv, 1, {}) end, function() return xpcall(function() return setfenv(1, {}) end, print) end } do
    local _, answer = f()
    assert(type(answer) ~= "function")
  end
  local deep = function() return setfenv(1, {}) end
  for _ = 1, 50 do
    local inner = deep
    deep = function() return pcall(inner) end
  end
  deep()
end)
