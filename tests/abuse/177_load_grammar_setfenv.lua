--[[
---
name: a177_load_grammar_setfenv
kind: decoder
summary: "A declared grammar whose __index calls setfenv as a tail call."
---
--]]
-- expect: refused: error
declare_grammar(setmetatable({ type = "t" }, { __index = function() return setfenv(1, _G) end }))
