--[[
---
name: a212_load_grammar_match_time_position
kind: decoder
summary: "A match-time capture that answers a position behind the record."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.Cmt(lpeg.R "09" ^ 1, function(s, at) return at, at + 100000 end) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
