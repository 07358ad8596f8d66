--[[
---
name: a211_load_grammar_constants
kind: decoder
summary: "Constants that stand for positions of other memory."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Cc(1e6) * lpeg.Cc(2e6) * lpeg.R "09" ^ 1 }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
