--[[
---
name: a105_absurd_add_to_payload
kind: filter
summary: Absurd arguments of add_to_payload.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, v in ipairs { 0 / 0, math.huge, -math.huge, 1e300, true, {}, print, 1LL, setmetatable({}, { __tostring = error }) } do pcall(add_to_payload, v) end
  add_to_payload()
  add_to_payload(nil, nil)
end)
