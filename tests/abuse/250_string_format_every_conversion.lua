--[[
---
name: a250_string_format_every_conversion
kind: filter
summary: Every conversion of string.format with numbers at the edge.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for byte = 1, 255 do
    for _, v in ipairs {0, -0.0, 1 / 0, 0 / 0, 1e308, 5e-324, 2 ^ 63, 'x'} do
      pcall(string.format, '%' .. string.char(byte), v)
      pcall(string.format, '%+099.99' .. string.char(byte), v)
    end
  end
end)
