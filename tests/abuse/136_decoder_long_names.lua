--[[
---
name: a136_decoder_long_names
kind: decoder
summary: Fields whose names together are larger than a pack.
limits: {cpu_limit: 2000}
---
--]]
-- expect: error|held|fails|memory_limit
process_message = require "abuse"(function()
  for i = 1, 20 do write_message('Fields[' .. i .. ('x'):rep(60000) .. ']', i) end
end)
