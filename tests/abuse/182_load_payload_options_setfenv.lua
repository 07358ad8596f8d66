--[[
---
name: a182_load_payload_options_setfenv
kind: decoder
summary: "Options of declare_payload whose __index calls setfenv as a tail call."
---
--]]
-- expect: refused: error
declare_payload(setmetatable({}, { __index = function() return setfenv(1, _G) end }))
