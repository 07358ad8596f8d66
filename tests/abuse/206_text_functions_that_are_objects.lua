--[[
---
name: a206_text_functions_that_are_objects
kind: filter
summary: "__tostring, and what stands behind it, are objects with __call."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local callable = setmetatable({}, { __call = function() return setfenv(1, {}) end })
  local thing = setmetatable({}, { __tostring = callable, __index = callable, __concat = callable })
  print(thing)
  assert(not pcall(add_to_payload, thing))
  pcall(encode_message, { Type = "t", Fields = { a = { value = thing } } })
  pcall(error, thing)
end)
