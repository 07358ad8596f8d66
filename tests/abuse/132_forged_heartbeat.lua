--[[
---
name: a132_forged_heartbeat
kind: filter
summary: An endless loop that reads and writes messages all the while.
message_matcher: Logger == 'abused'
---
--]]
-- expect: cpu_limit
process_message = require "abuse"(function()
  while true do
    read_message 'Payload'
    pcall(read_message, 'Fields[x]')
    read_next_field()
  end
end)
