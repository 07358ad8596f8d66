--[[
---
name: a228_load_grammar_fold_of_re
kind: decoder
summary: "A pattern of re with a fold, and one of its predefined names."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = (require "re").compile("%d+ ~> f", { f = function(a) return a end }) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
