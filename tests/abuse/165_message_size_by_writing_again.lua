--[[
---
name: a165_message_size_by_writing_again
kind: decoder
summary: The same field written again and again, its old values left behind.
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  for _ = 1, 1000 do write_message('Fields[x]', ('x'):rep(10000)) end
end)
