--[[
---
name: a119_inject_wrong_representations
kind: filter
summary: inject_message with representations that are no texts.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  for _, v in ipairs { 1, {}, print, setmetatable({}, { __concat = function() return 'x' end }) } do pcall(inject_message, { Fields = { a = { value = 1, representation = v }, b = print } }) end
end)
