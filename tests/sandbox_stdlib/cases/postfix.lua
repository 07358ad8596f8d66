local postfix = require "postfix"

local function s(value) return {value = value, representation = "s"} end

local LINES = {
  {"connect from unknown[1.2.3.4]", {event = "connect", client_hostname = "unknown", client_ip = "1.2.3.4"}},
  {"connect from mail.example.com[2001:db8::1]:5125", {event = "connect", client_hostname = "mail.example.com", client_ip = "2001:db8::1", client_port = 5125}},
  {"disconnect from h[1.2.3.4] ehlo=1 mail=1 commands=2", {event = "disconnect", client_hostname = "h", client_ip = "1.2.3.4", ehlo = 1, mail = 1, commands = 2}},
  {"lost connection after AUTH from h[1.2.3.4]", {event = "lost_connection", after = "AUTH", client_hostname = "h", client_ip = "1.2.3.4"}},
  {"5F1C02A0F9: client=h[1.2.3.4], sasl_method=PLAIN, sasl_username=bob", {event = "client", queueid = "5F1C02A0F9",
    client_hostname = "h", client_ip = "1.2.3.4", sasl_method = "PLAIN", sasl_username = "bob"}},
  {"5F1C02A0F9: message-id=<a@b>", {event = "message_id", queueid = "5F1C02A0F9", message_id = "a@b"}},
  {"5F1C02A0F9: from=<bob@x.org>, size=1432, nrcpt=1 (queue active)", {event = "queued", queueid = "5F1C02A0F9", from = "bob@x.org", size = 1432, nrcpt = 1}},
  {"5F1C02A0F9: removed", {event = "removed", queueid = "5F1C02A0F9"}},
  {"5F1C02A0F9: uid=0 from=<root>", {event = "uid", queueid = "5F1C02A0F9", uid = 0, from = "root"}},
  {"5F1C02A0F9: to=<al@y.org>, relay=mx.y.org[5.6.7.8]:25, delay=1.5, delays=0.1/0/0.4/1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as X)",
    {event = "delivery", queueid = "5F1C02A0F9", to = "al@y.org", relay_hostname = "mx.y.org", relay_ip = "5.6.7.8", relay_port = 25,
      delay = s(1.5), delay_before_qmgr = s(0.1), delay_in_qmgr = s(0), delay_conn_setup = s(0.4), delay_transmission = s(1),
      dsn = "2.0.0", status = "sent", status_message = "250 2.0.0 Ok: queued as X", status_code = 250, status_code_enhanced = "2.0.0"}},
  {"5F1C02A0F9: to=<al@y.org>, orig_to=<root>, relay=local, delay=0.01, dsn=2.0.0, status=sent (delivered to mailbox)",
    {event = "delivery", queueid = "5F1C02A0F9", to = "al@y.org", orig_to = "root", relay_service = "local", delay = s(0.01),
      dsn = "2.0.0", status = "sent", status_message = "delivered to mailbox"}},
  {"NOQUEUE: reject: RCPT from h[1.2.3.4]: 554 5.7.1 <a@b>: Relay access denied; from=<c@d> to=<a@b> proto=ESMTP helo=<h>",
    {event = "reject", action = "reject", stage = "RCPT", client_hostname = "h", client_ip = "1.2.3.4", status_code = 554,
      message = "5.7.1 <a@b>: Relay access denied", from = "c@d", to = "a@b", proto = "ESMTP", helo = "h"}},
  {"5F1C02A0F9: from=<a@b>, status=expired, returned to sender", {event = "expired", queueid = "5F1C02A0F9", from = "a@b",
    status = "expired", message = "returned to sender"}},
  {"5F1C02A0F9: sender non-delivery notification: 6A1C02A0F9", {event = "bounce", queueid = "5F1C02A0F9", kind = "non-delivery", notification_id = "6A1C02A0F9"}},
  {"warning: hostname x does not resolve", {event = "warning", message = "hostname x does not resolve"}},
  {"whatever this is", nil},
}
for _, line in ipairs(LINES) do
  case(line[1], function()
    local expected
    if line[2] then
      expected = {}
      for name, value in pairs(line[2]) do expected["postfix_" .. name] = value end
    end
    same(postfix.postfix_match("postfix/any", line[1]), expected)
  end)
end

case("pairs kept together, and other programs", function()
  same(postfix.postfix_match("postfix/qmgr", "5F1C02A0F9: from=<b>, size=1 (queue active)", false),
    {postfix_event = "queued", postfix_queueid = "5F1C02A0F9", postfix_keyvalue = "from=<b>, size=1"})
  same(postfix.postfix_match("sshd", "removed"), nil)
end)

local lines = {
  "disconnect from h[1.2.3.4]", "disconnect from h[1.2.3.4] ehlo=2 starttls=1 mail=1 rcpt=1 data=1 quit=1 commands=7",
  "5F1C02A0F9: to=<a@y.org>, relay=mx[5.6.7.8]:25, conn_use=2, delay=30, delays=30/0.01/0/0, dsn=5.1.1, status=bounced (host mx[5.6.7.8] "
    .. "said: 550-5.1.1 unknown (in reply to RCPT TO command))",
  "5F1C02A0F9: to=<a@y.org>, relay=none, delay=1, delays=1/0/0/0, dsn=4.4.1, status=deferred (connect to h[1.2.3.4]:25: timed out)",
  "NOQUEUE: reject: CONNECT from h[1.2.3.4]: 554 5.7.1 <h[1.2.3.4]>: Client host rejected; proto=SMTP",
  "5F1C02A0F9: milter-reject: END-OF-MESSAGE from h[1.2.3.4]: 5.7.1 spam; from=<c@d> to=<a@b> proto=ESMTP helo=<h>",
}
for _, line in ipairs(LINES) do lines[#lines + 1] = line[1] end
both_forms(postfix.items(), function(line) return postfix.postfix_match("postfix/any", line) end, lines)
both_forms(postfix.items(), function(line) return postfix.postfix_match("postfix/any", line, false) end, {
  "disconnect from h[1.2.3.4] ehlo=1 auth=0/1 commands=1/2", "NOQUEUE: reject: RCPT from h[1.2.3.4]: 554 no; new=<h> helo=<h>",
})
