--[[
---
name: a238_lpeg_other_numbers
kind: filter
summary: "Other numbers that LPEG takes: the stack, arguments, captures, where to begin."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require "lpeg"
  for _, n in ipairs { 0, -1, 1, 2 ^ 31, 2 ^ 53, 1 / 0, 0 / 0, 0.5 } do
    assert(not pcall(lpeg.setmaxstack, n))
  end
  for _, n in ipairs { 0, -1, 2 ^ 20, 2 ^ 31, 1 / 0, 0 / 0 } do pcall(lpeg.Carg, n) end
  for _, n in ipairs { 0, -1, 2 ^ 31, -2 ^ 31, 2 ^ 53, 1 / 0, 0 / 0 } do pcall(lpeg.match, lpeg.P "a", "aaa", n) end
  assert(not pcall(lpeg.match, lpeg.Carg(1), "a"))
  lpeg.setmaxstack(1000)
end)
