--[[
---
name: a226_load_grammar_table_of_rules
kind: decoder
summary: "A capture in a grammar that is still a table."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = { "a", a = lpeg.R "09" ^ 1 * lpeg.Cp() } }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
