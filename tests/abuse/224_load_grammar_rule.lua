--[[
---
name: a224_load_grammar_rule
kind: decoder
summary: "A capture in a rule that another one refers to."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.P { "a", a = lpeg.V "b" + "x", b = lpeg.V "c" * "y", c = lpeg.C "z" } }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
