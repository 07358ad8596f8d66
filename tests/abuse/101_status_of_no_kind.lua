--[[
---
name: a101_status_of_no_kind
kind: filter
summary: A status that is a table that compares.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
function process_message()
  if read_message 'Payload' == 'bad' then return setmetatable({}, { __lt = function() return true end }), {} end
  if read_message 'Payload' == 'last' then inject_message { Type = 'went_on' } end
  return 0
end
