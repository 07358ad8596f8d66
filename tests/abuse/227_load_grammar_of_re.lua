--[[
---
name: a227_load_grammar_of_re
kind: decoder
summary: "A pattern of re with a capture."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = (require "re").compile "{[0-9]+}" }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
