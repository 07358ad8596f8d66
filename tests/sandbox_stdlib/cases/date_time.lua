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

case("exact nanoseconds", function()
  local strftime = dt.build_strftime_grammar
  local function since(text, unit)
    local seconds, ns = dt.since_1970(text, unit)
    return seconds and {seconds, ns}
  end
  same(since("1700000000.123456789", "s"), {1700000000, 123456789})
  same(since("-0.25", "s"), {0, -250000000})
  same(since(1700000000.123, "s"), {1700000000, 123000000})
  same(since("1.700000000123e9", "s"), {1700000000, 123000000})
  same(since("1700000000123.456", "ms"), {1700000000, 123456000})
  same(since("1700000000123456.7", "us"), {1700000000, 123456700})
  same(since("0001700000000123456789", "ns"), {1700000000, 123456789})
  same({dt.seconds_and_ns(strftime "%Y %H:%M:%S.%f":match "2024 00:00:01.123456789")}, {1704067201, 123456789})
  same({dt.seconds_and_ns(strftime "%s.%f":match "1700000000.123456789")}, {1700000000, 123456789})
  same(dt.time_to_ns(strftime "%s.%f":match "1700000000.123"), 1700000000123e6)
  same(dt.epoch_to_ns(1700000000.123, "s"), 1700000000123e6)
  for _, none in ipairs{"", "x", ".", "1e", "12345678901", "9223372037", "1 2"} do same(since(none, "s"), nil) end
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
