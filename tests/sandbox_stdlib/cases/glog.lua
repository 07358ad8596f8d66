local glog = require "glog"

matches(glog.grammar, {
  {"E20240501 12:00:00.500000    1234 server.go:95] listening on :8080\n", {Severity = 3, Timestamp = 1714564800500000000,
    Pid = 1234, file = "server.go", line = 95, Payload = "listening on :8080"}},
  {"I0501 12:00:00 x", nil},
}, glog.items())

case("without a year", function()
  local got = glog.grammar:match "W0501 12:00:00.000001 1 a/b.cc:1] "
  same({got.Severity, got.Payload, got.file}, {4, "", "a/b.cc"})
  assert(math.abs(got.Timestamp / 1e9 - os.time()) < 367 * 86400)
end)
