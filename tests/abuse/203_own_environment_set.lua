--[[
---
name: a203_own_environment_set
kind: filter
summary: "setfenv of the script's own functions, and all of its globals replaced by its own."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held|max_process_inject
process_message = require "abuse"(function()
  local inject, read = inject_message, read_message
  local evil = setmetatable({}, { __index = function(_, k) error("the kernel has looked up " .. tostring(k)) end })
  local function mine() setfenv(1, evil) return 1 end
  assert(mine() == 1)
  assert(not pcall(mine))
  assert(read "Payload" == "bad")
  inject { Type = "own" }
end)
