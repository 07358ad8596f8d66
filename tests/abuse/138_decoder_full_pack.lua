--[[
---
name: a138_decoder_full_pack
kind: decoder
summary: Values until nothing fits, and then a record of a thousand fields.
---
--]]
-- expect: held|error|fails|memory_limit|cpu_limit
process_message = require "abuse"(function()
  for i = 1, 900 do pcall(write_message, 'Fields[f' .. i .. ']', i) end
  for n = 16, 0, -1 do
    for i = 1, 20 do pcall(write_message, 'Fields[s' .. i % 2 .. ']', ('x'):rep(2 ^ n)) end
  end
end)
