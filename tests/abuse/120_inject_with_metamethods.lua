--[[
---
name: a120_inject_with_metamethods
kind: filter
summary: inject_message with tables whose metamethods call it again, raise errors and loop.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject|fails
process_message = require "abuse"(function()
  local function again() inject_message { Type = 'flood' } end
  local mt = { __index = again, __newindex = again, __pairs = again, __ipairs = again, __len = again, __call = again, __concat = again }
  pcall(inject_message, setmetatable({ Fields = setmetatable({ a = setmetatable({}, mt) }, mt) }, mt))
end)
