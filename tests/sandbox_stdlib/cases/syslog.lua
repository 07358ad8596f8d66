local syslog = require "lpeg.syslog"

local NOON_NS = 1714564800e9

case("names are numbers", function()
  same({syslog.severity:match "err", syslog.severity:match "WARN", syslog.severity:match "6", syslog.severity:match "loud"}, {3, 4, 6})
  same({syslog.facility:match "local7", syslog.facility:match "authpriv"}, {23, 10})
  same({syslog.severity_of "165", syslog.facility_of "165"}, {5, 20})
  same({syslog.severity_names[3], syslog.facility_names[0]}, {"err", "kern"})
end)

matches(syslog.rfc5424, {
  {'<165>1 2024-05-01T12:00:00Z h app 12 ID47 [a@1 b="c\\"d"][e] text', {pri = "165", timestamp = "2024-05-01T12:00:00Z", hostname = "h",
    programname = "app", procid = "12", msgid = "ID47", structured_data = {{"a@1", "b", 'c"d'}, {"e"}}, msg = "text"}},
  {"<0>1 - - - - - -", {pri = "0"}}, {"<0>2 - - - - - -", nil}, {"x", nil},
})

matches(syslog.build_rsyslog_grammar '<%PRI%>%timestamp:::date-rfc3339% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg%\\n', {
  {"<30>2024-05-01T12:00:00Z web01 sshd[12]: hello: x", {pri = {severity = 6, facility = 3}, timestamp = NOON_NS, hostname = "web01",
    syslogtag = {programname = "sshd", pid = 12}, msg = "hello: x"}},
})

case("both forms take the same template", function()
  local list = syslog.rsyslog_items("%timegenerated% %HOSTNAME% %app-name% %msg%\\n", {hostname = "hostname"})[1]
  local names = {}
  for _, item in ipairs(list) do
    if type(item) == "table" then names[#names + 1] = item.name end
  end
  same(names, {"Timestamp", "hostname", "programname", "Payload"})
  fails("not a template", syslog.rsyslog_items, "%open")
  fails("not a template", syslog.build_rsyslog_grammar, "%open")
end)
