--[[
---
name: a196_globals_whose_metatable_calls_setfenv
kind: filter
summary: "A metatable of _G that calls setfenv where the kernel looks a function up or sets a module."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
local function evil() return setfenv(1, {}) end
setmetatable(_G, { __index = evil, __newindex = function(t, k, v) if k ~= "process_message" then return evil() end rawset(t, k, v) end })
process_message = require "abuse"(function()
  assert(rawget(_G, "cjson") == nil)
  require "cjson"
  assert(rawget(_G, "cjson") ~= nil)
end)
