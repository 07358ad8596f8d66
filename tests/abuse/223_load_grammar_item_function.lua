--[[
---
name: a223_load_grammar_item_function
kind: decoder
summary: "A function between the fields."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { { lpeg.P(function(s, at) return #s + 1 end), { name = "a", grammar = lpeg.P(true) } } } }
