--[[
---
name: a163_message_size_in_one_write
kind: decoder
summary: One field, larger than a message may be.
---
--]]
-- expect: max_message_size
local otherwise = require "abuse"(function() end)
function process_message()
  if read_message "Payload" ~= "bad" then return otherwise() end
  write_message('Fields[x]', ('x'):rep(200000))
  return 0
end
