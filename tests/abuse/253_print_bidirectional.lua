--[[
---
name: a253_print_bidirectional
kind: filter
summary: What is printed tries to reorder the text of a log.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  print('\226\128\174gnp.exe\226\129\166 \216\156 \226\128\168forged')
end)
