--[[
---
name: a225_load_grammar_recursive_rule
kind: decoder
summary: "A capture in a rule that refers to itself."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.P { "a", a = "(" * lpeg.V "a" * ")" + lpeg.Cc(7) * lpeg.R "09" } }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
