--[[
---
name: a102_status_nan
kind: filter
summary: A status that is not a number, though of that type.
message_matcher: Logger == 'abused'
---
--]]
-- expect: fails
function process_message()
  if read_message 'Payload' == 'bad' then return 0 / 0 end
  if read_message 'Payload' == 'last' then inject_message { Type = 'went_on' } end
  return 0
end
