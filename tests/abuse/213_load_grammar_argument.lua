--[[
---
name: a213_load_grammar_argument
kind: decoder
summary: "An extra argument of the match, of which there is none."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.R "09" ^ 1 * lpeg.Carg(1) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
