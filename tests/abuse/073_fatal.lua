--[[
---
name: a073_fatal
kind: filter
summary: A status that says that the script cannot go on.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fatal
function process_message()
  if read_message 'Payload' == 'bad' then return 1, 'I cannot go on' end
  if read_message 'Payload' == 'last' then inject_message { Type = 'went_on' } end
  return 0
end
