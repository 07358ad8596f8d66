--[[
---
name: a176_load_encoder_options_setfenv
kind: encoder
summary: "Options whose __index calls setfenv as a tail call."
---
--]]
-- expect: refused: error
declare_encoder(setmetatable({ format = "template", template = "%{a}" }, { __index = function() return setfenv(1, _G) end }))
