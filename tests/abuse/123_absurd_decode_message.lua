--[[
---
name: a123_absurd_decode_message
kind: filter
summary: Absurd arguments of decode_message.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  if decode_message then
    for _, v in ipairs { '', '\0', '\255', ('\255'):rep(1000), ('\10\16'):rep(1000), '\10\255\255\255\255\15', {}, 1, print } do pcall(decode_message, v) end
  end
end)
