--[[
---
name: a084_require_with_paths
kind: filter
summary: Modules with names that are paths.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local names = { '../../etc/passwd', '/etc/passwd', '..', '.', '', 'a..b', './abuse', 'abuse.lua', 'abuse\0', '%s', 'x;/etc/?', 'ab use' }
  for _, name in ipairs(names) do
    assert(not pcall(require, name), name)
  end
end)
