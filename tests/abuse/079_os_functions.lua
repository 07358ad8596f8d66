--[[
---
name: a079_os_functions
kind: filter
summary: The functions of os that reach out of the process.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, name in ipairs { 'execute', 'exit', 'getenv', 'remove', 'rename', 'tmpname', 'setlocale' } do
    assert(os[name] == nil and require('os')[name] == nil, name)
  end
end)
