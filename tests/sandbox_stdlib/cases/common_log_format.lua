local clf = require "lpeg.common_log_format"

local COMBINED = '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
matches(clf.build_nginx_grammar(COMBINED), {
  {'192.0.2.7 - bob [01/May/2024:12:00:00 +0000] "GET /a HTTP/1.1" 200 512 "-" "curl"', {
    remote_addr = {value = "192.0.2.7", representation = "ipv4"}, remote_user = "bob", time = 1714564800e9, request = "GET /a HTTP/1.1",
    status = 200, body_bytes_sent = {value = 512, representation = "B"}, http_referer = "-", http_user_agent = "curl"}},
  {'no line', nil},
})
matches(clf.build_apache_grammar "common", {
  {'192.0.2.7 - - [01/May/2024:12:00:00 +0000] "GET / HTTP/1.0" 404 -', {
    remote_addr = {value = "192.0.2.7", representation = "ipv4"}, remote_user = "-", time = 1714564800e9, request = "GET / HTTP/1.0",
    status = 404, body_bytes_sent = {value = 0, representation = "B"}, remote_logname = "-"}},
})
matches(clf.nginx_error_grammar, {
  {'2024/05/01 12:00:00 [error] 1234#5678: *90 open() failed, client: x', {Timestamp = 1714564800e9, Severity = 3, Pid = 1234,
    Fields = {tid = 5678, connection = 90}, Payload = "open() failed, client: x"}},
  {'2024/05/01 12:00:00 [loud] 1#1: x', nil},
})

case("a wrong format is a clear error", function() fails("log_format", clf.build_nginx_grammar, "$") end)

local AGENTS = {
  {"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0", "Firefox", 115, "Linux"},
  {"Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/100.0 Safari/537.36 Edg/100.1", "Edge", 100, "Windows 10"},
  {"curl/7.88.1"},
}
for _, agent in ipairs(AGENTS) do
  case(agent[1], function() same({clf.normalize_user_agent(agent[1])}, {agent[2], agent[3], agent[4]}) end)
end
