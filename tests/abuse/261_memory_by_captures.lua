--[[
---
name: a261_memory_by_captures
kind: filter
summary: Captures of LPEG without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit|error
process_message = require "abuse"(function()
  local lpeg = require 'lpeg'
  local text = ('x'):rep(1000000)
  local all = {}
  while true do all[#all + 1] = lpeg.match(lpeg.Ct(lpeg.C(1) ^ 0), text) end
end)
