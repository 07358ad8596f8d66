--[[
---
name: a104_absurd_read_message
kind: filter
summary: Absurd arguments of read_message.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local nan = 0 / 0
  for _, v in ipairs { nan, -1, 1e300, -1e300, 0.5, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, math.huge, -math.huge } do
    pcall(read_message, 'Payload', v)
    pcall(read_message, 'Payload', 0, v)
    pcall(read_message, 'Fields[x]', v, v)
    pcall(read_message, v)
  end
  for _, v in ipairs { {}, print, true, '', '\0', ('x'):rep(100000), 'Fields[', 'Fields[]', 'Fields[x]y', 1LL } do
    pcall(read_message, v)
    pcall(read_message, 'Payload', v, v)
  end
  pcall(read_message)
end)
