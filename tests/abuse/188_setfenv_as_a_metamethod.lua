--[[
---
name: a188_setfenv_as_a_metamethod
kind: filter
summary: "setfenv itself as each metamethod of what is given to the API."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local mt = {}
  for _, event in ipairs { "__index", "__newindex", "__call", "__concat", "__eq", "__lt", "__le", "__add", "__sub", "__tostring" } do
    mt[event] = setfenv
  end
  local thing = setmetatable({}, mt)
  for _, f in ipairs { read_message, read_config, encode_message, decode_message, create_message_matcher, require } do
    local _, answer = pcall(f, thing, thing, thing)
    assert(type(answer) ~= "function")
  end
end)
