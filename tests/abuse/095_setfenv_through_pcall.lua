--[[
---
name: a095_setfenv_through_pcall
kind: filter
summary: setfenv called by pcall, sort and gsub.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  pcall(setfenv, 1, {})
  pcall(table.sort, { 1, {} }, setfenv)
  pcall(string.gsub, '1', '1', setfenv)
  xpcall(function() setfenv(1, setmetatable({}, { __index = _G })) end, setfenv)
end)
