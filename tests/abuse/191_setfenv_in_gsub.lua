--[[
---
name: a191_setfenv_in_gsub
kind: filter
summary: "Callbacks of string.gsub that call setfenv as a tail call."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local ok, text = pcall(string.gsub, "abc", ".", function() return setfenv(1, {}) end)
  assert(not ok and type(text) == "string")
  pcall(string.gsub, "abc", ".", setmetatable({}, { __index = function() return setfenv(1, {}) end }))
end)
