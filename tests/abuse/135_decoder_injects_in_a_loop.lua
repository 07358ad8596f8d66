--[[
---
name: a135_decoder_injects_in_a_loop
kind: decoder
summary: Messages without end from a decoder.
---
--]]
-- expect: cpu_limit|memory_limit
process_message = require "abuse"(function()
  while true do inject_message { Type = 'flood' } end
end)
