--[[
---
name: a078_io
kind: filter
summary: Files of the machine.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(io == nil)
  assert(not pcall(require, 'io') and not pcall(require, 'lfs') and not pcall(require, 'posix'))
end)
