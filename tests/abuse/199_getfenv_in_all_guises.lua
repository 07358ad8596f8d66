--[[
---
name: a199_getfenv_in_all_guises
kind: filter
summary: "getfenv by whatever name."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(getfenv == nil and rawget(_G, "getfenv") == nil)
  for _, name in ipairs { "lpeg", "re", "cjson", "string", "table", "math", "os", "bit" } do
    local module = require(name)
    for key, v in pairs(module) do
      assert(key ~= "getfenv" and key ~= "loadstring" and key ~= "load" and key ~= "debug" and v ~= _G)
    end
  end
end)
