--[[
The access log of Phabricator, in its default format, fields between tabs.

- `access`: an LPEG pattern that captures a table: timestamp (nanoseconds), pid, hostname, ip, user, controller, function, path,
  referrer, status, rtime (microseconds)

Source: log.access.format of Phabricator's configuration; the names are Hindsight's.
--]]

local date_time = require "date_time"
local lpeg = require "lpeg"

local tonumber = tonumber
local C, Cg, Ct, P, R = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R

local tab = P"\t"
local text = C((1 - lpeg.S"\t\r\n")^0)
local number = R"09"^1 / tonumber
local time = date_time.build_strftime_grammar "[%a, %d %b %Y %H:%M:%S %z]" / date_time.time_to_ns

local pattern = Cg(time, "timestamp") * tab * Cg(number, "pid")
for name in ("hostname ip user controller function path referrer"):gmatch "%a+" do
  pattern = pattern * tab * Cg(text, name)
end
pattern = pattern * tab * Cg(number, "status") * tab * Cg(number, "rtime")

return {access = Ct(pattern) * lpeg.S"\r\n"^0 * -1}
