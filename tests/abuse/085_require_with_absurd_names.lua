--[[
---
name: a085_require_with_absurd_names
kind: filter
summary: Modules with names that are no names.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, name in ipairs { ('a'):rep(5000), ('a.'):rep(5000) .. 'a', ('x'):rep(100000), '\255\254', 'é' } do
    assert(not pcall(require, name))
  end
  assert(not pcall(require) and not pcall(require, {}) and not pcall(require, 0 / 0))
end)
