--[[
---
name: a153_load_error_object
kind: filter
summary: An error object whose text never ends, while the script is loaded.
message_matcher: Logger == 'abused'
---
--]]
-- expect: refused: cpu_limit
error(setmetatable({}, { __tostring = function() while true do end end }))
