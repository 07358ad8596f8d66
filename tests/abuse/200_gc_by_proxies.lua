--[[
---
name: a200_gc_by_proxies
kind: filter
summary: "Finalizers: newproxy, __gc of tables, collectgarbage."
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  assert(newproxy == nil and collectgarbage == nil and gcinfo == nil)
  for _ = 1, 1000 do
    setmetatable({}, { __gc = function() return setfenv(1, {}) end, __mode = "kv" })
  end
  assert(not pcall(setmetatable, (require "lpeg").P(1), { __gc = print }))
end)
