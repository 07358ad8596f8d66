--[[
---
name: a257_print_floods
kind: filter
summary: More lines than anybody reads.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for i = 1, 10000 do print('line', i) end
end)
