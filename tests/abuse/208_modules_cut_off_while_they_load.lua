--[[
---
name: a208_modules_cut_off_while_they_load
kind: filter
summary: "A module whose loading is cut off by a global that raises can be required again."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local real = setmetatable
  _G.setmetatable = function() error "not now" end
  local ok = pcall(require, "bloom_filter")
  _G.setmetatable = real
  assert(not ok or type(require "bloom_filter") == "table")
  assert(type(require "bloom_filter") == "table")
end)
