--[[
---
name: a186_setfenv_in_an_error
kind: filter
summary: "An error object whose text is what setfenv answers as a tail call."
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
process_message = require "abuse"(function()
  error(setmetatable({}, { __tostring = function() return setfenv(1, _G) end }))
end)
