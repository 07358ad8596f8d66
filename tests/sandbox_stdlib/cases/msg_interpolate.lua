local interpolate = require "msg_interpolate"

local FILLED = {
  {"plain", "plain"}, {"%{Type}/%{Pid}", "nginx/12"}, {"%{status}-%{ok}-%{off}", "200-true-false"},
  {"logs-%{%Y.%m.%d}", "logs-2024.05.01"}, {"%{missing}", "%{missing}"}, {"%{}", "%{}"}, {"100%", "100%"},
  {"%{UUID}", "\1\35\69\103\137\171\205\239\1\35\69\103\137\171\205\239"},
}
for _, pair in ipairs(FILLED) do
  case(pair[1], function()
    message{Type = "nginx", Pid = 12, ["Fields[status]"] = 200, ["Fields[ok]"] = true, ["Fields[off]"] = false,
      Uuid = "\1\35\69\103\137\171\205\239\1\35\69\103\137\171\205\239"}
    same(interpolate.interpolate_from_msg(pair[1], 1714564800.9), pair[2])
  end)
end

case("as Hindsight fills in", function()
  message{Uuid = "\1\35\69\103\137\171\205\239\1\35\69\103\137\171\205\239", Timestamp = 1714564800.5e9}
  same(interpolate.interpolate "%{Uuid} %{Timestamp}", "01234567-89AB-CDEF-0123-456789ABCDEF 2024-05-01T12:00:00.500000000Z")
  same(interpolate.get_timestamp_ms(1714564800.5e9), "2024-05-01T12:00:00.500Z")
end)

case("now, without a time", function()
  message{}
  assert(interpolate.interpolate_from_msg "%{%Y}":match "^20%d%d$")
end)
