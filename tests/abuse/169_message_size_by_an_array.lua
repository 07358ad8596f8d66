--[[
---
name: a169_message_size_by_an_array
kind: decoder
summary: A field of very many values.
limits:
  cpu_limit: 3000
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  for i = 0, 20000 do write_message('Fields[x]', i, nil, 0, i) end
end)
