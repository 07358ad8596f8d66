--[[
---
name: a201_yield_in_the_kernel
kind: filter
summary: "A function of the API that is left in its midst."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(coroutine == nil and not pcall(require, "coroutine"))
  local again = setmetatable({}, { __tostring = function()
    add_to_payload "inner"
    encode_message { Type = "inner" }
    return "outer"
  end })
  add_to_payload(again)
  assert(decode_message(encode_message { Type = "t", Payload = again }).Payload == "outer")
end)
