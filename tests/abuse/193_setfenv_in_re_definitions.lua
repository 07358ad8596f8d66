--[[
---
name: a193_setfenv_in_re_definitions
kind: filter
summary: "Definitions of re whose __index calls setfenv as a tail call, in the midst of re's own functions."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local re = require "re"
  local defs = setmetatable({}, { __index = function() return setfenv(1, { error = function() end }) end })
  for _, text in ipairs { "%zz", "'a' -> f", "'a' => f", "('a' 'b') ~> f", "[%zz]" } do
    local ok, answer = pcall(re.compile, text, defs)
    assert(not ok and type(answer) == "string")
  end
end)
