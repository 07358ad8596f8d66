--[[
---
name: a216_load_grammar_substitution
kind: decoder
summary: "A substitution, whose text stands in the place of a position."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Cs(lpeg.R "09" ^ 1) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
