--[[
---
name: a233_load_grammar_also
kind: decoder
summary: "A further field of the same text with a grammar of its own."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { { { name = "a", grammar = lpeg.P(1), also = { { name = "b", grammar = lpeg.C(1) } } } } } }
