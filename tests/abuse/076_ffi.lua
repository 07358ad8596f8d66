--[[
---
name: a076_ffi
kind: filter
summary: The FFI, which reaches everything.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(ffi == nil)
  assert(not pcall(require, 'ffi') and not pcall(require, 'ffi.lua'))
end)
