--[[
---
name: a098_pointer_through_an_index
kind: filter
summary: An index whose __add is handed what the kernel adds it to.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local seen = {}
  local function see(a, b) seen[#seen + 1], seen[#seen + 2] = a, b return 0 end
  local mt = { __add = see, __sub = see, __mul = see, __lt = function() return false end, __le = function() return true end, __concat = see }
  local index = setmetatable({}, mt)
  pcall(read_message, 'Payload', 0, index)
  pcall(read_message, 'Payload', index, 0)
  pcall(read_message, 'Payload', index, index, true)
  pcall(read_message, 'Fields[a]', 0, index, true)
  for _, v in ipairs(seen) do assert(type(v) ~= 'cdata') end
end)
