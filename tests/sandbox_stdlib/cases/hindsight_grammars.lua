matches(require "lpeg.sendmail".grammar, {
  {"u21I54sC012345: from=<a@b.c>, size=1024, class=0, nrcpts=1, msgid=<1@b>, relay=h [10.0.0.1]", {sendmailid = "u21I54sC012345",
    from = "<a@b.c>", size = "1024", class = "0", nrcpts = "1", msgid = "<1@b>", relay = "h [10.0.0.1]"}},
  {"u21I54sC012345: to=<a@b>, <c@d>, stat=Sent (ok, queued)", {sendmailid = "u21I54sC012345", to = "<a@b>, <c@d>", stat = "Sent (ok, queued)"}},
  {"NOQUEUE: connect", nil},
})

local LINE = "[Wed, 15 May 2024 10:00:00 +0200]\t77\tweb1\t10.0.0.1\tbob\tHomeController\thandle\t/x\t-\t200\t51234"
matches(require "lpeg.phabricator".access, {
  {LINE, {timestamp = 1715760000e9, pid = 77, hostname = "web1", ip = "10.0.0.1", user = "bob", controller = "HomeController",
    ["function"] = "handle", path = "/x", referrer = "-", status = 200, rtime = 51234}},
  {"x", nil},
})

case("every message of OpenSSH makes a grammar", function()
  local printf = require "lpeg.printf"
  local grammars = printf.load_messages {"lpeg.openssh_portable"}
  assert(#grammars >= 25)
  local function read(line)
    return printf.match_sample(grammars, line):match(line)
  end
  same(read "Accepted publickey for bob from 10.0.0.1 port 22 ssh2: RSA x", {authmsg = "Accepted", method = "publickey", user = "bob",
    ssh_remote_ipaddr = {value = "10.0.0.1", representation = "ipv4"}, ssh_remote_port = 22, extra = "RSA x"})
  same(read "Received signal 15; terminating.", {received_sigterm = 15})
  same(read "Invalid user x from 10.0.0.9 port 5", {user = "x", ssh_remote_port = 5,
    ssh_remote_ipaddr = {value = "10.0.0.9", representation = "ipv4"}})
end)

case("changes to a message", function()
  config {lpeg_heka = {user_agent_remove = true}}
  local heka = require "lpeg.heka"
  local message = {Payload = "p", Fields = {t = 5, h = "web1", ua = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"}}
  heka.set_timestamp(message, "t")
  heka.set_hostname(message, "h")
  heka.remove_payload(message)
  heka.add_normalized_user_agent(message, "ua")
  same(message, {Timestamp = 5, Hostname = "web1", Fields = {ua_browser = "Firefox", ua_version = 115, ua_os = "Linux"}})
end)

case("pieces of syslog grammars", function()
  local syslog = require "lpeg.syslog"
  local lpeg = require "lpeg"
  local grammar = lpeg.Ct(syslog.capture_followed_by("user", ": ") * syslog.capture_until("rest", "!"))
  same(grammar:match "bob: hello! x", {user = "bob", rest = "hello"})
  same({syslog.integer:match "-12", syslog.float:match "1.5", syslog.notspace:match "a b", syslog.commonmac:match "00:16:3e:aa:bb:cc:08"},
    {-12, 1.5, "a", "00:16:3e:aa:bb:cc"})
end)

local phabricator = require "lpeg.phabricator"
both_forms(phabricator.items(), function(line)
  local found = phabricator.access:match(line)
  if found then found.Timestamp, found.timestamp = found.timestamp, nil end
  return found
end, {LINE, LINE .. "\r", "x"})

local sendmail = require "lpeg.sendmail"
both_forms(sendmail.items(), sendmail.grammar, {
  "u21I54sC012345: from=<a@b.c>, size=1024, class=0, nrcpts=1, msgid=<1@b>, relay=h [10.0.0.1]",
  "u21I54sC012345: from=root, size=1, class=0, nrcpts=1, msgid=<1@b>, bodytype=8BITMIME, proto=ESMTP, daemon=MTA, relay=h",
  "u21I54sC012345: to=<a@b>, <c@d>, stat=Sent (ok, queued)", "NOQUEUE: connect",
  "u21I54sC012345: to=a, ctladdr=root (0/0), delay=00:00:01, xdelay=00:00:00, mailer=esmtp, pri=30, relay=h. [1.2.3.4], dsn=2.0.0, stat=Sent",
})
