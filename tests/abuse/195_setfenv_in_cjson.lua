--[[
---
name: a195_setfenv_in_cjson
kind: filter
summary: "Values with metamethods that call setfenv, given to cjson."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local cjson = require "cjson"
  local mt = {}
  for _, event in ipairs { "__index", "__len", "__pairs", "__ipairs", "__tostring", "__eq", "__lt" } do
    mt[event] = function() return setfenv(1, {}) end
  end
  assert(cjson.encode(setmetatable({ 1, 2 }, mt)) == "[1,2]")
  pcall(cjson.encode, { a = setmetatable({}, mt) })
  pcall(cjson.decode, setmetatable({}, mt))
  pcall(cjson.encode_max_depth, setmetatable({}, mt))
end)
