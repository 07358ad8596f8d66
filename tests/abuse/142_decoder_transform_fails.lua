--[[
---
name: a142_decoder_transform_fails
kind: decoder
summary: A transform of a declared field that answers what is no value.
---
--]]
-- expect: error
local lpeg = require "lpeg"
declare_grammar {
  type = "went_on",
  alternatives = { {
    { name = "word", grammar = lpeg.R "az" ^ 1, transform = function(text) return text == "bad" and {} or 1 end, type = "integer" },
  } },
}
