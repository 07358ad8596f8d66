--[[
---
name: a217_load_grammar_table_capture
kind: decoder
summary: "A table in the place of a position."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Ct(lpeg.C(lpeg.R "09" ^ 1)) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
