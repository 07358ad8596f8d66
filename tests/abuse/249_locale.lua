--[[
---
name: a249_locale
kind: filter
summary: Functions that depend on the locale.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(('\228\246'):upper() == '\228\246')
  assert(('\228'):find '%a' == nil)
  assert(string.format('%.1f', 0.5) == '0.5' and tonumber '0,5' == nil and tostring(0.5) == '0.5')
  assert('Z' < 'a')
end)
