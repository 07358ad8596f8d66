--[[
---
name: a088_string_methods
kind: filter
summary: The library string, with functions that lie.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for name in pairs(string) do string[name] = function() error 'a lie' end end
  assert(('abc'):sub(1, 1) == 'a')
end)
