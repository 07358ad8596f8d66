--[[
---
name: other
kind: filter
summary: Matches only a Type that the benchmark does not have.
---
J6 runs J1 beside 1, 10 and 50 of these.
--]]

local seen = 0

function process_message()
  seen = seen + 1
  return 0
end
