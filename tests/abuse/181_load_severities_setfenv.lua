--[[
---
name: a181_load_severities_setfenv
kind: decoder
summary: "Severities of declare_logfmt whose __index calls setfenv as a tail call."
---
--]]
-- expect: refused: error
function process_message() return 0 end
declare_logfmt { Severity = "level", severities = setmetatable({}, { __index = function() return setfenv(1, _G) end }) }
