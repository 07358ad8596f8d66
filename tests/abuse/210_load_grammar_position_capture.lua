--[[
---
name: a210_load_grammar_position_capture
kind: decoder
summary: "A position of the script's own before that of the kernel."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Cp() * lpeg.R "09" ^ 1 }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
