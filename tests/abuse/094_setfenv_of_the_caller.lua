--[[
---
name: a094_setfenv_of_the_caller
kind: filter
summary: setfenv on level 1, where the caller is the kernel.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
local before = _G
setfenv(1, setmetatable({}, { __index = before }))
before.process_message = require "abuse"(function() end)
