--[[
---
name: a231_load_grammar_second_alternative
kind: decoder
summary: "A capture in the second alternative only."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { { "a" }, { { name = "b", grammar = lpeg.Cc(1, 2, 3) * lpeg.P(1) } } } }
