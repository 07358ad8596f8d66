--[[
---
name: a164_message_size_in_steps
kind: decoder
summary: Fields that together are larger than a message may be.
---
--]]
-- expect: max_message_size
local otherwise = require "abuse"(function() end)
function process_message()
  if read_message "Payload" ~= "bad" then return otherwise() end
  for i = 1, 20 do write_message('Fields[f' .. i .. ']', ('x'):rep(10000)) end
  return 0
end
