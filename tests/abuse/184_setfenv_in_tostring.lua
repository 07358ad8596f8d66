--[[
---
name: a184_setfenv_in_tostring
kind: filter
summary: "setfenv as a tail call in the __tostring of what is printed and added to the payload."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local answers = {}
  local thing = setmetatable({}, { __tostring = function()
    answers[#answers + 1] = select(2, pcall(setfenv, 1, _G))
    return setfenv(1, _G)
  end })
  print(thing)
  pcall(add_to_payload, thing)
  for _, v in ipairs(answers) do assert(type(v) == "string") end
end)
