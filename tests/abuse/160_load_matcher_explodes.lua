--[[
---
name: a160_load_matcher_explodes
kind: filter
summary: A matcher whose regular expression is as large as a pattern can be.
message_matcher: Payload =~ /((((a{1,50}){1,50}){1,50}){1,50}){1,50}/
---
--]]
-- expect: refused: error|cpu_limit|memory_limit
function process_message() return 0 end
