--[[
---
name: a179_load_item_setfenv
kind: decoder
summary: "An item of a declared grammar whose __index calls setfenv as a tail call."
---
--]]
-- expect: refused: error
declare_grammar { type = "t", alternatives = { { setmetatable({ name = "a" }, { __index = function() return setfenv(1, _G) end }) } } }
