--[[
---
name: a133_decoder_loop
kind: decoder
summary: An endless loop in a decoder.
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do end
end)
