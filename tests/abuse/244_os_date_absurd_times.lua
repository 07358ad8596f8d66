--[[
---
name: a244_os_date_absurd_times
kind: filter
summary: os.date of times that no calendar has.
message_matcher: Logger == 'abused'
---
--]]
-- expect: held
process_message = require "abuse"(function()
  for _, s in ipairs {2 ^ 53, -2 ^ 53, 2 ^ 63, -2 ^ 63, 1 / 0, -1 / 0, 0 / 0, 1e308} do
    for _, f in ipairs {'*t', '!*t', '%c', '!%c', '%s', '%G-%V'} do pcall(os.date, f, s) end
  end
end)
