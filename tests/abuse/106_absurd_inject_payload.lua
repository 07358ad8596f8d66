--[[
---
name: a106_absurd_inject_payload
kind: filter
summary: Absurd arguments of inject_payload.
message_matcher: Logger == 'abused'
---
--]]
-- expect: max_process_inject|held
process_message = require "abuse"(function()
  pcall(inject_payload, {}, print, {}, 1)
  pcall(inject_payload, 0 / 0, 1LL, setmetatable({}, { __tostring = function() return {} end }))
end)
