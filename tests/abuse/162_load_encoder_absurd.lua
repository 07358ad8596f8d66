--[[
---
name: a162_load_encoder_absurd
kind: encoder
summary: An encoder that declares what is no encoder.
---
--]]
-- expect: refused: error
declare_encoder { format = setmetatable({}, { __tostring = function() return {} end }) }
