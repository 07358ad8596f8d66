--[[
---
name: a241_os_time_absurd
kind: filter
summary: os.time of absurd dates.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, t in ipairs {{year = 1e9, month = 1, day = 1}, {year = -1e9, month = 1, day = 1}, {year = 2024, month = 1e9, day = -1e9},
    {year = 0 / 0, month = 1, day = 1}, {year = 2024}, {}, {year = {}, month = 1, day = 1}} do
    pcall(os.time, t)
  end
end)
