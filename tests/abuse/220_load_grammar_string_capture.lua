--[[
---
name: a220_load_grammar_string_capture
kind: decoder
summary: "A string capture."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.R "09" ^ 1 / '%0%0' }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
