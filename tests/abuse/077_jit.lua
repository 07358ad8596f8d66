--[[
---
name: a077_jit
kind: filter
summary: The compiler's controls.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(jit == nil)
  for _, name in ipairs { 'jit', 'jit.util', 'jit.opt', 'table.new', 'table.clear', 'string.buffer' } do
    assert(not pcall(require, name), name)
  end
end)
