--[[
---
name: a183_load_fields_setfenv
kind: encoder
summary: "Fields of an encoder with every metamethod that calls setfenv."
---
--]]
-- expect: refused: error
local mt = {}
for _, event in ipairs { "__index", "__newindex", "__call", "__concat", "__eq", "__lt", "__le", "__len", "__tostring", "__pairs" } do
  mt[event] = function() return setfenv(1, _G) end
end
declare_encoder { format = "json", fields = setmetatable({ "a" }, mt) }
