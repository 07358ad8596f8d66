--[[
---
name: a141_decoder_transform_loops
kind: decoder
summary: A transform of a declared field that never ends.
---
--]]
-- expect: cpu_limit
local lpeg = require "lpeg"
declare_grammar {
  type = "went_on",
  alternatives = { {
    { name = "word", grammar = lpeg.R "az" ^ 1, transform = function(text)
      while text == "bad" do end
      return text
    end },
  } },
}
