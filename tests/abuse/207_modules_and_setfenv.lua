--[[
---
name: a207_modules_and_setfenv
kind: filter
summary: "Functions of the standard library, handed values that call setfenv."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local mt = {}
  for _, event in ipairs { "__index", "__newindex", "__call", "__concat", "__lt", "__le", "__add", "__sub", "__mul", "__div", "__len", "__tostring" } do
    mt[event] = function() return setfenv(1, { error = print }) end
  end
  for _, name in ipairs { "util", "field_util", "csv", "printf", "escape_sequences", "statsd", "gelf", "tdigest" } do
    local module = require(name)
    for _, f in pairs(module) do
      if type(f) == "function" then
        local thing = setmetatable({}, mt)
        local _, answer = pcall(f, thing, thing, thing)
        assert(type(answer) ~= "function" or answer ~= f)
      end
    end
  end
end)
