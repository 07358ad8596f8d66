--[[
---
name: a074_python
kind: filter
summary: The bridge to Python that lupa sets up.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(python == nil and lupa == nil)
  assert(not pcall(require, 'python') and not pcall(require, 'lupa.luajit21'))
end)
