--[[
---
name: a235_lpeg_counts
kind: filter
summary: "lpeg.P of counts that overflow the size of a pattern."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require "lpeg"
  for _, n in ipairs { 1e5, 2 ^ 29, 2 ^ 30, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 32, 2 ^ 53, 1e300, 1 / 0, -1 / 0, 0 / 0, -2 ^ 31, 1.5 } do
    assert(not pcall(lpeg.P, n))
    for _, make in ipairs { "B", "C", "Cg", "Cs", "Ct" } do assert(not pcall(lpeg[make], n)) end
    assert(not pcall(lpeg.match, n, "text"))
    assert(not pcall(lpeg.Cmt, n, print))
  end
end)
