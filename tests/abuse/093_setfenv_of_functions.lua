--[[
---
name: a093_setfenv_of_functions
kind: filter
summary: setfenv on functions of the host and of others.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, f in ipairs { inject_message, read_message, print, pcall, require, string.sub, 0, 2, 3, 100 } do
    assert(not pcall(setfenv, f, {}))
  end
end)
