--[[
---
name: a086_modules_of_others
kind: filter
summary: A library changed for whoever requires it next.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  require('string').sub = nil
  require('table').concat = nil
  require('lpeg').P = nil
  require('cjson').encode = nil
  require('math').floor = nil
end)
