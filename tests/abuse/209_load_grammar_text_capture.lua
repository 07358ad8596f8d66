--[[
---
name: a209_load_grammar_text_capture
kind: decoder
summary: "lpeg.C in a declared field, by habit."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.C(lpeg.R "09" ^ 1) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
