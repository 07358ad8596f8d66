--[[
---
name: a230_load_grammar_optional_item
kind: decoder
summary: "A constant false, which stands for absent, in an optional part."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { { "a", { optional = { lpeg.Cc(false) * " ", { name = "b", grammar = lpeg.P(1) } } } } } }
