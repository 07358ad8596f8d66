--[[
---
name: a218_load_grammar_function_capture
kind: decoder
summary: "A function that answers negative positions."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.R "09" ^ 1 / function() return -1e9 end }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
