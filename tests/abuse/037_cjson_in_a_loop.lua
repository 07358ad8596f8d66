--[[
---
name: a037_cjson_in_a_loop
kind: filter
summary: Encoding and decoding without end.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  local cjson = require 'cjson'
  while true do cjson.decode(cjson.encode { 1, 2, 3 }) end
end)
