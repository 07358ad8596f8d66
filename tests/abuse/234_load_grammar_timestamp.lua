--[[
---
name: a234_load_grammar_timestamp
kind: decoder
summary: "A capture in the Timestamp."
---
--]]
-- expect: refused: error
local lpeg = require "lpeg"
declare_grammar { type = "t", alternatives = { { { name = "Timestamp", type = "timestamp:epoch_s", grammar = lpeg.Cc(0) * lpeg.R "09" ^ 1 } } } }
