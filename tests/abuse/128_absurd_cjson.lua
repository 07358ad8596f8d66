--[[
---
name: a128_absurd_cjson
kind: filter
summary: cjson with circles, depth and numbers that are none.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local cjson = require 'cjson'
  local circle = {}
  circle[1] = circle
  for _, v in ipairs { circle, print, 0 / 0, { [1e9] = 1 } } do pcall(cjson.encode, v) end
  pcall(cjson.decode, ('['):rep(100000))
  pcall(cjson.decode, '1e999999')
  cjson.encode_max_depth(1)
  cjson.decode_max_depth(1)
  cjson.encode_number_precision(1)
end)
