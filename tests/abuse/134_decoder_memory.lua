--[[
---
name: a134_decoder_memory
kind: decoder
summary: Memory without end in a decoder.
limits:
  cpu_limit: 3000
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local t = {}
  while true do t = { t } end
end)
