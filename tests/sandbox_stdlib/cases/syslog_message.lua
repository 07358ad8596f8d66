local syslog_message = require "syslog_message"

local function v4(text) return {value = text, representation = "ipv4"} end

local NETFILTER = "[ 11.2] [UFW BLOCK] IN=eth0 OUT= MAC=00:16:3e:aa:bb:cc:00:16:3e:00:11:22:08:00 SRC=10.0.0.1 DST=10.0.0.2 LEN=60 "
  .. "TOS=0x00 PREC=0x00 TTL=64 ID=54321 DF PROTO=TCP SPT=40000 DPT=22 SEQ=1 ACK=0 WINDOW=29200 RES=0x00 SYN URGP=0 "
local ICMP6 = "drop IN=eth0 OUT= SRC=fe80::1 DST=ff02::2 LEN=72 TC=0 HOPLIMIT=255 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=7 SEQ=9 "

local LINES = {
  {"CRON", "(root) CMD (run-parts (a) b)", {event = "command", cron_username = "root", cron_event = "CMD", cron_detail = "run-parts (a) b"}},
  {"crond", "(bob) BEGIN EDIT (bob)", {event = "command", cron_username = "bob", cron_event = "BEGIN EDIT", cron_detail = "bob"}},
  {"cron", "pam_unix(cron:session): session closed for user root", {event = "session_closed", pam_module = "pam_unix", pam_service = "cron",
    pam_type = "session", pam_action = "session closed", user_name = "root"}},
  {"sshd", "Accepted publickey for bob from 192.168.1.1 port 48000 ssh2: RSA SHA256:x", {event = "accepted", sshd_authmsg = "Accepted",
    sshd_method = "publickey", remote_user = "bob", remote_addr = v4 "192.168.1.1", remote_port = 48000, sshd_protocol = "ssh2",
    sshd_info = "RSA SHA256:x"}},
  {"sshd", "Failed keyboard-interactive/pam for invalid user admin from 2001:db8::1 port 22 ssh2", {event = "failed", sshd_authmsg = "Failed",
    sshd_method = "keyboard-interactive", sshd_submethod = "pam", remote_user = "admin", remote_port = 22, sshd_protocol = "ssh2",
    remote_addr = {value = "2001:db8::1", representation = "ipv6"}}},
  {"sshd", "Connection closed by authenticating user root 10.0.0.9 port 22 [preauth]", {event = "closed", sshd_state = "authenticating",
    remote_user = "root", remote_addr = v4 "10.0.0.9", remote_port = 22}},
  {"sshd", "Received disconnect from 10.0.0.9: 11: bye [preauth]", {event = "disconnected", remote_addr = v4 "10.0.0.9",
    disconnect_reason = 11, disconnect_msg = "bye [preauth]"}},
  {"sshd", "Invalid user  from UNKNOWN port 65535", {event = "invalid_user", remote_user = "", remote_addr = "UNKNOWN", remote_port = 65535}},
  {"sshd", "subsystem request for sftp by user bob", {event = "subsystem", sshd_subsystem = "sftp", remote_user = "bob"}},
  {"sshd", "fatal: Timeout", {event = "error", sshd_errorlevel = "fatal", sshd_error = "Timeout"}},
  {"sshd", "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.9  user=root",
    {event = "auth_failure", pam_module = "pam_unix", pam_service = "sshd", pam_type = "auth", pam_action = "authentication failure",
      logname = "", uid = 0, euid = 0, tty = "ssh", ruser = "", rhost = "10.0.0.9", user = "root"}},
  {"sudo", "bob : TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/bin/ls -l", {event = "command", sudo_message = "bob", sudo_tty = "pts/0",
    sudo_pwd = "/home/bob", sudo_user = "root", sudo_command = "/bin/ls -l"}},
  {"sudo", "bob : command not allowed ; TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls", {event = "denied", remote_user = "bob",
    sudo_message = "command not allowed", sudo_tty = "pts/0", sudo_pwd = "/", sudo_user = "root", sudo_command = "/bin/ls"}},
  {"su", "Successful su for root by bob", {event = "success", su_status = "Successful", su_name = "root", su_oldname = "bob"}},
  {"su", "- pts/1 bob:root", {event = "failed", pty = "pts/1", su_oldname = "bob", su_name = "root"}},
  {"systemd-logind", "New session 17 of user bob.", {event = "session_opened", sd_message = "SESSION_START", session_id = "17", user_id = "bob"}},
  {"systemd-logind", "Removed session c3.", {event = "session_closed", sd_message = "SESSION_STOP", session_id = "c3"}},
  {"useradd", "new user: name=x, UID=100, GID=101, home=/home/x, shell=/bin/sh", {event = "user_added", user_name = "x", uid = 100,
    gid = 101, user_home = "/home/x", user_shell = "/bin/sh"}},
  {"groupadd", "new group: name=x, GID=5", {event = "group_added", group_name = "x", gid = 5}},
  {"groupdel", "group 'x' removed from /etc/group", {event = "group_removed", group_name = "x", file = "/etc/group"}},
  {"dhclient", "DHCPREQUEST of 1 on eth0 to 1 port 67", nil},
  {"dhclient", "DHCPREQUEST on eth0 to 10.0.0.1 port 67", {event = "request", dhcp_type = "DHCPREQUEST", dhcp_client_interface = "eth0",
    dhcp_server_addr = v4 "10.0.0.1", dhcp_server_port = 67}},
  {"dhclient", "bound to 10.0.0.5 -- renewal in 1200 seconds.", {event = "bound", dhcp_client_addr = v4 "10.0.0.5",
    dhcp_client_renewal_seconds = 1200}},
  {"dhcpd", "DHCPACK on 10.0.0.5 to 00:11:22:33:44:55 (host) via eth0", {event = "ack", dhcp_type = "DHCPACK", dhcp_client_addr = v4 "10.0.0.5",
    dhcp_client_hw_addr = "00:11:22:33:44:55", dhcp_client_hostname = "host", dhcp_source = "eth0"}},
  {"dhcpd", "DHCPDISCOVER from 00:11:22:33:44:55 via eth0: network a: no free leases", {event = "discover", dhcp_type = "DHCPDISCOVER",
    dhcp_client_hw_addr = "00:11:22:33:44:55", dhcp_source = "eth0", dhcp_message = "network a: no free leases"}},
  {"kernel", "[12.500] app[77]: segfault at 0 ip 0x1 sp 0x2 error 4 in libc.so", {event = "segfault", monotonic_timestamp = 12.5,
    process_name = "app", pid = 77, address = "0", ip = "0x1", sp = "0x2", error = 4, image = "libc.so"}},
  {"kernel", NETFILTER, {event = "netfilter", monotonic_timestamp = 11.2, nf_prefix = "[UFW BLOCK] ", nf_in_interface = "eth0",
    nf_out_interface = "", nf_dst_mac = "00:16:3e:aa:bb:cc", nf_src_mac = "00:16:3e:00:11:22", nf_type_mac = "08:00",
    nf_src_ip = v4 "10.0.0.1", nf_dst_ip = v4 "10.0.0.2", nf_len = 60, nf_tos = "0x00", nf_prec = "0x00", nf_ttl = 64, nf_id = 54321,
    nf_df = true, nf_protocol = "TCP", nf_spt = 40000, nf_dpt = 22, nf_seq = 1, nf_ack = 0, nf_window = 29200, nf_res = "0x00",
    nf_tcp_syn = true, nf_urgp = 0}},
  {"kernel", ICMP6, {event = "netfilter", nf_prefix = "drop ", nf_in_interface = "eth0", nf_out_interface = "",
    nf_src_ip = {value = "fe80::1", representation = "ipv6"}, nf_dst_ip = {value = "ff02::2", representation = "ipv6"}, nf_len = 72,
    nf_tc = 0, nf_hoplimit = 255, nf_flowlbl = 0, nf_protocol = "ICMPv6", nf_icmpv6_type = 128, nf_icmpv6_code = 0, nf_icmpv6_id = 7,
    nf_icmpv6_seq = 9}},
  {"named", "lame server resolving 'a.b' (in 'b'?): 10.0.0.1#53", {event = "lame", dns_error = "lame server", dns_name = "a.b",
    dns_domain = "b", dns_addr = v4 "10.0.0.1", dns_port = 53}},
  {"named", "client 10.0.0.1#53 (a.b): query: a.b IN A +", {event = "client", dns_client_addr = v4 "10.0.0.1", dns_client_port = 53,
    dns_name = "a.b", dns_message = "query: a.b IN A +"}},
  {"puppet-agent", "(/Stage[main]/X) ensure it", {event = "resource", puppet_resource_path = "/Stage[main]/X", puppet_message = "ensure it"}},
  {"puppet-agent", "(/Stage[main]/F[y]/ensure) ensure changed 'a' to 'b'", {event = "changed", puppet_resource_path = "/Stage[main]/F[y]/ensure",
    puppet_ensure_parameter = "ensure", puppet_old_value = "a", puppet_new_value = "b"}},
  {"puppet-agent", "Finished catalog run in 2.50 seconds", {event = "finished", puppet_msg = "Finished catalog run", puppet_benchmark_seconds = 2.5}},
  {"login", "LOGIN ON tty1 BY bob", {event = "login", tty = "tty1", user = "bob"}},
  {"login", "FAILED LOGIN (2) on 'tty1' FOR 'bob', Authentication failure", {event = "login_failed", failcount = 2, tty = "tty1",
    user = "bob", pam_error = "Authentication failure"}},
}
for _, line in ipairs(LINES) do
  case(line[1] .. ": " .. line[2], function() same(syslog_message.get_prog_grammar(line[1]):match(line[2]), line[3]) end)
end

case("names", function()
  same(syslog_message.get_prog_grammar "unknown", nil)
  same(syslog_message.get_wildcard_grammar "x", nil)
  local pam = syslog_message.get_wildcard_grammar "PAM"
  same(pam:match("pam_unix(x:session): session opened for user bob(uid=5) by (uid=0)").user_uid, 5)
  same(pam:match("pam_unix(x:session): session opened for user bob by root(uid=0)").login_name, "root")
  for _, name in ipairs(syslog_message.programs()) do assert(syslog_message.get_prog_grammar(name)) end
end)

case("the names of Hindsight", function()
  for _, name in ipairs {"cron", "dhclient", "dhcpd", "groupadd", "groupdel", "kernel", "login", "named", "sshd", "su", "sudo", "useradd"} do
    same(require("lpeg.linux." .. name).syslog_grammar == syslog_message.get_prog_grammar(name), true)
  end
  same(require "lpeg.linux.puppet_agent".syslog_grammar == syslog_message.get_prog_grammar "puppet-agent", true)
  same(require "lpeg.linux.systemd_logind".syslog_grammar == syslog_message.get_prog_grammar "systemd-logind", true)
  same(require "lpeg.linux.pam".syslog_grammar == syslog_message.get_wildcard_grammar "PAM", true)
end)

for _, program in ipairs(syslog_message.programs()) do
  local lines = {"no line of any program", ""}
  for _, line in ipairs(LINES) do
    if line[1] == program then lines[#lines + 1] = line[2] end
  end
  if #lines > 2 then
    both_forms(function() return syslog_message.items(program) end,
      function(line) return syslog_message.get_prog_grammar(program):match(line) end, lines)
  end
end
both_forms(syslog_message.items "PAM", syslog_message.get_wildcard_grammar "PAM", {
  "pam_unix(x:session): session opened for user bob(uid=5) by (uid=0)", "pam_unix(x:session): session opened for user bob by root(uid=0)",
  "pam_unix(x:auth): check pass; user unknown", "pam_unix(x:chauthtok): changed",
})
