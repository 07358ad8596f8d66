--[[
---
name: a219_load_grammar_no_values
kind: decoder
summary: "A pattern whose captures are dropped: it shifts nothing, but calls the script."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = (lpeg.R "09" ^ 1 / function() end) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
