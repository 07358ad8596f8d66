--[[
---
name: a099_error_objects
kind: filter
summary: Errors that are no texts.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, v in ipairs { {}, true, print, setmetatable({}, { __tostring = function() return {} end }) } do
    assert(select(2, pcall(error, v)) == v)
  end
  assert(not pcall(error))
end)
