--[[
---
name: a178_load_alternatives_setfenv
kind: decoder
summary: "Alternatives whose __index, __len and __call call setfenv as tail calls."
---
--]]
-- expect: refused: error
local function evil() return setfenv(1, _G) end
declare_grammar { type = "t", alternatives = setmetatable({ { "a" } }, { __index = evil, __len = evil, __call = evil }) }
