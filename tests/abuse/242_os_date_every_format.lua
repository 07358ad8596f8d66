--[[
---
name: a242_os_date_every_format
kind: filter
summary: Every conversion of os.date, in local time and UTC.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for byte = 1, 255 do
    for _, before in ipairs {'', 'E', 'O', '_', '-', '0', '^', '#', '10'} do
      pcall(os.date, '%' .. before .. string.char(byte), 1719835200)
      pcall(os.date, '!%' .. before .. string.char(byte), 1719835200)
    end
  end
  assert(os.date('%Z') ~= nil)
end)
