--[[
---
name: a221_load_grammar_query_capture
kind: decoder
summary: "A table that is asked for what was matched."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { {
  "id=", { name = "id", grammar = lpeg.R "09" ^ 1 / setmetatable({}, { __index = function() return 1e9 end }) }, " ", { name = "rest", grammar = (1 - lpeg.P "\n") ^ 0 },
} } }
