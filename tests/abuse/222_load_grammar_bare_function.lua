--[[
---
name: a222_load_grammar_bare_function
kind: decoder
summary: "A function as a grammar."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = function(_, at) return at, 1, 2, 3 end }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
