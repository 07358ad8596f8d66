--[[
---
name: a127_absurd_string_functions
kind: filter
summary: Absurd arguments of string functions.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local huge = { 0 / 0, math.huge, -math.huge, 2 ^ 31, -2 ^ 31, 2 ^ 53 }
  for _, v in ipairs(huge) do
    pcall(string.sub, 'abc', v, v)
    pcall(string.byte, 'abc', v, v)
    pcall(string.rep, '', v)
    pcall(string.find, 'abc', 'b', v)
    pcall(string.char, v)
  end
  pcall(string.format, ('%'):rep(100))
  pcall(string.format, '%99999999d', 1)
  pcall(string.format, '%5000s', 'x')
  pcall(string.find, ('('):rep(1000), ('('):rep(1000))
  pcall(string.match, ('a'):rep(100000), ('(a*)'):rep(40))
end)
