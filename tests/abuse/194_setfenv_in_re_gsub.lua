--[[
---
name: a194_setfenv_in_re_gsub
kind: filter
summary: "Replacements of re.gsub, and patterns of re that are none."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  local re = require "re"
  pcall(re.gsub, "abc", "[a-z]", function() return setfenv(1, {}) end)
  pcall(re.gsub, "abc", setmetatable({}, { __index = setfenv, __eq = setfenv }), "x")
  pcall(re.match, setmetatable({}, { __index = setfenv }), "[a-z]")
  pcall(re.find, "abc", "[a-z]", setmetatable({}, { __lt = setfenv }))
  assert(re.match("abc", "[a-z]+") == 4)
end)
