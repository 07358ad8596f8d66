--[[
---
name: a232_load_grammar_predicate
kind: decoder
summary: "A capture in a predicate, and one in a negation."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = #lpeg.C(1) * -lpeg.Cp() * lpeg.P(1) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
