--[[
---
name: a124_absurd_encode_message
kind: filter
summary: Absurd arguments of encode_message.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  if encode_message then
    local circle = {}
    circle.Fields = circle
    for _, v in ipairs { {}, circle, { Payload = {} }, { Fields = 1 }, 1, 'x', { Timestamp = 0 / 0 }, { Fields = { a = print } } } do pcall(encode_message, v, true) end
  end
end)
