local syslog_message = require "syslog_message"

local LINES = {
  {"CRON", "(root) CMD (run-parts /etc/cron.hourly)", {event = "command", user_name = "root", cron_command = "run-parts /etc/cron.hourly)"}},
  {"cron", "pam_unix(cron:session): session closed for user root", {event = "session_closed", pam_module = "pam_unix", pam_service = "cron", user_name = "root"}},
  {"sshd", "Accepted publickey for bob from 192.168.1.1 port 48000 ssh2: RSA SHA256:x", {event = "accepted", sshd_method = "publickey",
    remote_user = "bob", remote_addr = "192.168.1.1", remote_port = 48000, sshd_key = "RSA SHA256:x"}},
  {"sshd", "Failed password for invalid user admin from 10.0.0.9 port 22 ssh2", {event = "failed", sshd_method = "password",
    remote_user = "admin", remote_addr = "10.0.0.9", remote_port = 22, sshd_protocol = "ssh2"}},
  {"sshd", "Connection closed by authenticating user root 10.0.0.9 port 22 [preauth]", {event = "closed", sshd_state = "authenticating",
    remote_user = "root", remote_addr = "10.0.0.9", remote_port = 22}},
  {"sshd", "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.9  user=root",
    {event = "auth_failure", pam_module = "pam_unix", pam_service = "sshd", logname = "", uid = 0, euid = 0, tty = "ssh",
      remote_user = "", remote_host = "10.0.0.9", user_name = "root"}},
  {"sudo", "bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/ls -l", {event = "command", remote_user = "bob", tty = "pts/0",
    pwd = "/home/bob", user_name = "root", sudo_command = "/bin/ls -l"}},
  {"su", "Successful su for root by bob", {event = "success", user_name = "root", remote_user = "bob"}},
  {"systemd-logind", "New session 17 of user bob.", {event = "session_opened", session = "17", user_name = "bob"}},
  {"useradd", "new user: name=x, UID=100, GID=101, home=/home/x, shell=/bin/sh", {event = "user_added", user_name = "x", user_uid = 100,
    user_gid = 101, home = "/home/x", shell = "/bin/sh"}},
  {"groupdel", "group 'x' removed from /etc/group", {event = "group_removed", group_name = "x", file = "/etc/group"}},
  {"dhclient", "DHCPREQUEST of 1 on eth0 to 1 port 67", nil},
  {"dhclient", "bound to 10.0.0.5 -- renewal in 1200 seconds.", {event = "bound", assigned_addr = "10.0.0.5", renewal = 1200}},
  {"dhcpd", "DHCPACK on 10.0.0.5 to 00:11:22:33:44:55 (host) via eth0", {event = "ack", client_addr = "10.0.0.5",
    mac = "00:11:22:33:44:55", client_name = "host", interface = "eth0"}},
  {"dhcpd", "DHCPACK on 10.0.0.5 to 00:11:22:33:44:55 via eth0", {event = "ack", client_addr = "10.0.0.5", mac = "00:11:22:33:44:55", interface = "eth0"}},
  {"kernel", "[12.500] app[77]: segfault at 0 ip 0x1 sp 0x2 error 4 in libc.so", {event = "segfault", monotonic = 12.5, process_name = "app",
    pid = 77, address = "0", ip = "0x1", sp = "0x2", error = 4, image = "libc.so"}},
  {"named", "lame server resolving 'a.b' (in 'b'?): 10.0.0.1#53", {event = "lame", query = "a.b", zone = "b", remote_addr = "10.0.0.1", remote_port = 53}},
  {"puppet-agent", "(/Stage[main]/X) ensure changed", {event = "resource", puppet_resource = "/Stage[main]/X", puppet_message = "ensure changed"}},
  {"login", "LOGIN ON tty1 BY bob", {event = "login", tty = "tty1", user_name = "bob"}},
}
for _, line in ipairs(LINES) do
  case(line[1] .. ": " .. line[2], function() same(syslog_message.get_prog_grammar(line[1]):match(line[2]), line[3]) end)
end

case("names", function()
  same(syslog_message.get_prog_grammar "unknown", nil)
  same(syslog_message.get_wildcard_grammar "x", nil)
  local pam = syslog_message.get_wildcard_grammar "PAM"
  same(pam:match("pam_unix(x:session): session opened for user bob(uid=5) by (uid=0)").user_uid, 5)
  same(pam:match("pam_unix(x:session): session opened for user bob by root(uid=0)").remote_user, "root")
  for _, name in ipairs(syslog_message.programs()) do assert(syslog_message.get_prog_grammar(name)) end
end)
