--[[
---
name: a237_lpeg_operators_with_counts
kind: filter
summary: "Operators of patterns with counts on either side."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local lpeg = require "lpeg"
  local p = lpeg.P "a"
  for _, n in ipairs { 1e9, 2 ^ 31, -2 ^ 31, 1 / 0, 0 / 0 } do
    for _, f in ipairs { function() return p * n end, function() return n * p end, function() return p + n end, function() return n + p end,
      function() return p - n end, function() return n - p end, function() return p / n end, function() return p.match(n, "x") end } do
      assert(not pcall(f))
    end
  end
end)
