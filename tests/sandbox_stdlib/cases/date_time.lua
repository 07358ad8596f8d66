local dt = require "lpeg.date_time"

local NOON_NS = 1714564800e9

local function ns(grammar, text) return dt.time_to_ns(grammar:match(text)) end

case("moments", function()
  same(ns(dt.rfc3339, "2024-05-01T12:00:00Z"), NOON_NS)
  close(ns(dt.rfc3339, "2024-05-01t14:00:00.250+02:00"), NOON_NS + 250e6, 256)
  same(ns(dt.clf_timestamp, "01/May/2024:05:00:00 -0700"), NOON_NS)
  same(ns(dt.mysql_timestamp, "20240501120000"), NOON_NS)
  same(ns(dt.pgsql_timestamp, "2024-05-01 13:30:00+01:30"), NOON_NS)
  same(ns(dt.build_strftime_grammar "%d.%m.%y %H:%M:%S", "01.05.24 12:00:00"), NOON_NS)
  same(ns(dt.build_strftime_grammar "%s", "1714564800"), NOON_NS)
  same(dt.seconds_to_ns "1714564800", NOON_NS)
end)

case("a time without a year is none of the far future", function()
  local text = os.date("!%b %d %H:%M:%S", os.time() - 3600):gsub("^(%a+) 0", "%1  ")
  close(ns(dt.rfc3164_timestamp, text), (os.time() - 3600) * 1e9, 5e9)
end)

matches(dt.rfc3339, {
  {"2024-05-01T12:00:00.5Z", {year = "2024", month = "05", day = "01", hour = "12", min = "00", sec = "00", sec_frac = 0.5, timezone = "UTC"}},
  {"2024-13-01T12:00:00Z", nil}, {"2024-05-01T25:00:00Z", nil}, {"2024-05-01 noon", nil}, {"", nil},
})
matches(dt.rfc3164_timestamp, {
  {"May  1 12:00:00", {month = "05", day = "1", hour = "12", min = "00", sec = "00"}}, {"Mai  1 12:00:00", nil},
})

case("a wrong format is a clear error", function() fails("strftime", dt.build_strftime_grammar, "%Q") end)
