--[[
---
name: a251_random_numbers
kind: filter
summary: math.random and math.randomseed with absurd seeds.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, s in ipairs {0, -1, 1e308, 0 / 0, 1 / 0, 2 ^ 53} do
    pcall(math.randomseed, s)
    pcall(math.random, s)
    local n = math.random()
    assert(n >= 0 and n < 1)
  end
end)
