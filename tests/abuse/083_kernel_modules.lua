--[[
---
name: a083_kernel_modules
kind: filter
summary: The kernel's own modules.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, name in ipairs { 'main', 'channel', 'layout', 'writer', 'api', 'calls', 'environment', 'message', '_G', 'package' } do
    assert(not pcall(require, name), name)
  end
end)
