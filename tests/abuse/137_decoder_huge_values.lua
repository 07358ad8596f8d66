--[[
---
name: a137_decoder_huge_values
kind: decoder
summary: Values that together are larger than a pack.
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  for i = 1, 100 do write_message('Fields[f' .. i .. ']', ('x'):rep(60000)) end
end)
