--[[
---
name: a247_os_has_no_more
kind: filter
summary: Functions of os that reach the system.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, name in ipairs {'execute', 'exit', 'getenv', 'remove', 'rename', 'setlocale', 'tmpname'} do assert(os[name] == nil, name) end
end)
