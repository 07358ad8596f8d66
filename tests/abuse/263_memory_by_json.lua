--[[
---
name: a263_memory_by_json
kind: filter
summary: Texts of cjson that are kept.
message_matcher: Logger == 'abused'
---
--]]
-- expect: memory_limit|cpu_limit
process_message = require "abuse"(function()
  local cjson = require 'cjson'
  local kept = {}
  local text = ('x'):rep(10000)
  while true do kept[#kept + 1] = cjson.encode {text, #kept} end
end)
