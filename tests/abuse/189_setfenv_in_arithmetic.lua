--[[
---
name: a189_setfenv_in_arithmetic
kind: filter
summary: "Indexes and times with arithmetic that calls setfenv as a tail call."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local mt, got = {}, {}
  for _, event in ipairs { "__add", "__sub", "__mul", "__mod", "__unm", "__lt", "__le", "__concat", "__len" } do
    mt[event] = function() return setfenv(1, _G) end
  end
  local n = setmetatable({}, mt)
  pcall(read_message, "Payload", n, n)
  pcall(read_message, "Payload", 0, n, true)
  pcall(encode_message, { Type = "t", Timestamp = n, Severity = n, Pid = n })
  pcall(encode_message, { Type = "t", Fields = { a = { value = 1, value_type = n } } })
  pcall(math.erf, n)
end)
