--[[
---
name: a248_os_clock_and_difftime
kind: filter
summary: os.clock and os.difftime with absurd arguments.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(os.clock() >= 0)
  for _, v in ipairs {0 / 0, 1 / 0, 2 ^ 63, '1', {}, false} do pcall(os.difftime, v, v) end
end)
