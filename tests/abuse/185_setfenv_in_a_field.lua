--[[
---
name: a185_setfenv_in_a_field
kind: filter
summary: "setfenv as a tail call in the __tostring of a field of a message."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local thing = setmetatable({}, { __tostring = function() return setfenv(1, _G) end })
  pcall(encode_message, { Type = thing, Fields = { a = thing } })
  pcall(encode_message, { Type = "t", Fields = { { name = thing, value = thing } } })
end)
