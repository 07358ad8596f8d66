--[[
---
name: a071_inject_in_metamethods
kind: filter
summary: Messages injected by the metamethods of a message that is being injected.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local count = 0
  local fields = setmetatable({ a = 1 }, { __index = function() count = count + 1 inject_message { Type = 'flood' } end })
  local ok, why = pcall(function()
    local unused = next(fields)
    return unused
  end)
  assert(ok, why)
  assert(count == 0)
end)
