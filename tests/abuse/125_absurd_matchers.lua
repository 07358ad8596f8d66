--[[
---
name: a125_absurd_matchers
kind: filter
summary: Absurd arguments of create_message_matcher.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  if create_message_matcher then
    for _, v in ipairs { '', '(', ('('):rep(1000), 'Type =~ /(/', 'Type == ', {}, 1, print, ('!'):rep(1000), ('x'):rep(100000) } do pcall(create_message_matcher, v) end
  end
end)
