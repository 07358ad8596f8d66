--[[
---
name: a139_decoder_absurd_write_message
kind: decoder
summary: Absurd arguments of write_message.
---
--]]
-- expect: max_message_size
process_message = require "abuse"(function()
  local nan = 0 / 0
  local evil = setmetatable({}, { __concat = function() return 'x' end, __tostring = function() return {} end, __add = function(a) return a end })
  for _, v in ipairs { nan, -1, 0.5, 1e300, -1e300, math.huge, {}, print, evil, true, 1LL, 1i, '', ('x'):rep(70000) } do
    pcall(write_message, v, 1)
    pcall(write_message, 'Fields[a]', v)
    pcall(write_message, 'Fields[a]', 1, v)
    pcall(write_message, 'Fields[a]', 1, '', v)
    pcall(write_message, 'Fields[a]', 1, '', 0, v)
    for _, header in ipairs { 'Type', 'Logger', 'Payload', 'Timestamp', 'Severity', 'Pid', 'Uuid', 'Hostname', 'Nothing' } do pcall(write_message, header, v) end
  end
  pcall(write_message)
end)
