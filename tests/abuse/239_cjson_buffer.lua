--[[
---
name: a239_cjson_buffer
kind: filter
summary: "cjson.encode of what needs a buffer far beyond the memory limit."
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit
process_message = require "abuse"(function()
  local cjson = require "cjson"
  local text = ("\1"):rep(1024 * 1024)
  local many = {}
  for i = 1, 100 do many[i] = text end
  cjson.encode_keep_buffer(true)
  cjson.encode(many)
end)
