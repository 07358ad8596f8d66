--[[
Grammar for Phabricator's access log in its default format, with fields separated by tabs.

- `access`: an LPEG pattern that captures a table: timestamp (nanoseconds), pid, hostname, ip, user, controller, function, path,
  referrer, status, rtime (microseconds)
- `items()`: the alternatives of a declared grammar with the same fields; the timestamp is the Timestamp

Source: log.access.format of Phabricator's configuration; the names are Hindsight's.
--]]

local date_time = require "date_time"
local lpeg = require "lpeg"
local positional = require "positional"

local tonumber = tonumber
local C, Cg, Ct, P, R = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R

local tab = P"\t"
local until_tab, digits = (1 - lpeg.S"\t\r\n")^0, R"09"^1
local text, number = C(until_tab), digits / tonumber
local time = date_time.build_strftime_grammar "[%a, %d %b %Y %H:%M:%S %z]" / date_time.time_to_ns
local TEXTS = "hostname ip user controller function path referrer"

local pattern = Cg(time, "timestamp") * tab * Cg(number, "pid")
for name in TEXTS:gmatch "%a+" do
  pattern = pattern * tab * Cg(text, name)
end
pattern = pattern * tab * Cg(number, "status") * tab * Cg(number, "rtime")

local function items()
  local field = positional.field
  local list = {
    field("Timestamp", "[" * (1 - lpeg.S"]\t\n")^1 * "]", "integer", {transform = function(moment) return time:match(moment) end}), "\t",
    field("pid", digits, "integer"), "\t",
  }
  for name in TEXTS:gmatch "%a+" do list = positional.concat(list, {field(name, until_tab), "\t"}) end
  return {positional.concat(list, {field("status", digits, "integer"), "\t", field("rtime", digits, "integer"), P"\r"^-1})}
end

return {items = items, access = Ct(pattern) * lpeg.S"\r\n"^0 * -1}
