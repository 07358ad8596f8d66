--[[
---
name: a229_load_grammar_optional
kind: decoder
summary: "A capture in an optional field."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { { "a", { optional = { " ", { name = "b", grammar = lpeg.C(1) } } } } } }
