--[[
---
name: a017_status_whose_text_loops
kind: filter
summary: A reason of a failure whose __tostring never ends.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
local evil = setmetatable({}, { __tostring = function() while true do end end })
local behave = require "abuse"(function() end)
function process_message()
  if read_message "Payload" == "bad" then return -1, evil end
  return behave()
end
