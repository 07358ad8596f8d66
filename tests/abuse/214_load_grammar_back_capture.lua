--[[
---
name: a214_load_grammar_back_capture
kind: decoder
summary: "A group and its back capture."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Cg(lpeg.Cp(), "p") * lpeg.R "09" ^ 1 * lpeg.Cb "p" }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
