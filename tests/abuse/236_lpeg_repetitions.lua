--[[
---
name: a236_lpeg_repetitions
kind: filter
summary: "Repetitions of patterns that overflow their size, and of large patterns."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require "lpeg"
  local p = lpeg.P "a"
  for _, n in ipairs { 1e5, 2 ^ 29, 2 ^ 30, 2 ^ 31 - 1, 2 ^ 31, 2 ^ 53, 1 / 0, 0 / 0, -2 ^ 30, -2 ^ 31, 0.5 } do
    assert(not pcall(function() return p ^ n end))
  end
  local large = lpeg.P(("a"):rep(20000))
  assert(not pcall(function() return large ^ 60000 end))
  assert(not pcall(function() return (large ^ 10) ^ -60000 end))
  assert(not pcall(require("re").compile, "'a'^+1000000000"))
end)
