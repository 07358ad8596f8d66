--[[
---
name: a180_load_json_options_setfenv
kind: decoder
summary: "Options of declare_json whose __index and __concat call setfenv as tail calls."
---
--]]
-- expect: refused: error
local function evil() return setfenv(1, _G) end
declare_json { separator = setmetatable({}, { __index = evil, __concat = evil }) }
