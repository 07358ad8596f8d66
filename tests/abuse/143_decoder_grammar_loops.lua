--[[
---
name: a143_decoder_grammar_loops
kind: decoder
summary: A declared grammar with a match-time capture that would never end. It is refused.
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
local slow = lpeg.Cmt(lpeg.P "bad", function() while true do end end)
declare_grammar {
  type = "went_on",
  alternatives = { { { name = "word", grammar = slow + lpeg.R "az" ^ 1 } } },
}
