--[[
---
name: a215_load_grammar_fold
kind: decoder
summary: "A fold of positions."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Cf(lpeg.Cc(1) * lpeg.Cc(2), function(a, b) return a * 1e9 + b end) * lpeg.R "09" ^ 1 }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
