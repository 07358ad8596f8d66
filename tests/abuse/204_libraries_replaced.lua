--[[
---
name: a204_libraries_replaced
kind: filter
summary: "The tables of the libraries emptied and filled with what raises."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local encode, decode, assert_, read = encode_message, decode_message, assert, read_message
  for _, library in pairs { string, table, math, os } do
    for name in pairs(library) do library[name] = function() return setfenv(1, {}) end end
  end
  for _, name in ipairs { "pairs", "ipairs", "next", "type", "tostring", "error", "select", "pcall", "setmetatable" } do
    _G[name] = function() return setfenv(1, {}) end
  end
  assert_(decode(encode { Type = "t", Fields = { a = 1 } }).Type == "t")
  assert_(read "Payload" == "bad")
end)
