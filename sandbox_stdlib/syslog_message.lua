--[[
Grammars for what programs write to syslog (the message after "program[pid]: ").

    local grammar = require "syslog_message".get_prog_grammar(programname)
    local fields = grammar and grammar:match(message)

- `get_prog_grammar(program)` -> an LPEG pattern that captures a table, nil for a program that is not known. Known are
  CRON (crond, cron, /USR/SBIN/CRON), dhclient, dhcpd, groupadd, groupdel, kernel, login, named, puppet-agent, sshd,
  su, sudo, systemd-logind, useradd. Those that use PAM take its lines, too.
- `get_wildcard_grammar "PAM"` -> the pattern for lines of PAM, which any program may write
- `programs()` -> sorted list of the names

Fields are named for what they are: user_name, user_uid, remote_user, remote_addr, remote_port, interface, ... with
the program's name before what is its own (sshd_method, cron_command); `event` says in one word what happened. Numbers are
numbers. A line that no template fits does not match.

Source: the messages in the sources of vixie-cron, OpenSSH, Linux-PAM, sudo, shadow, systemd, ISC dhcp and BIND; the
functions are Heka's.
--]]

local line_template = require "line_template"
local table = require "table"

local ipairs, pairs = ipairs, pairs

local M = {}

local function as(event, template) return {template, event = event} end

local PAM = {
  as("session_opened", "{pam_module}({pam_service}:session): session opened for user "
      .. "{user_name}(uid={user_uid:n}) by [[{remote_user}]](uid={uid:n})"),
  as("session_opened", "{pam_module}({pam_service}:session): session opened for user {user_name} by "
      .. "[[{remote_user}]](uid={uid:n})"),
  as("session_closed", "{pam_module}({pam_service}:session): session closed for user {user_name}"),
  as("auth_failure", "{pam_module}({pam_service}:auth): authentication failure; logname={logname:q} "
      .. "uid={uid:n} euid={euid:n} tty={tty:q} ruser={remote_user:q} rhost={remote_host:q}  user={user_name}"),
  as("auth_failure", "{pam_module}({pam_service}:auth): authentication failure; logname={logname:q} "
      .. "uid={uid:n} euid={euid:n} tty={tty:q} ruser={remote_user:q} rhost={remote_host:q}"),
  as("user_unknown", "{pam_module}({pam_service}:auth): check pass; user unknown"),
  as("account", "{pam_module}({pam_service}:account): {pam_message:r}"),
  as("password", "{pam_module}({pam_service}:chauthtok): {pam_message:r}"),
}

local TEMPLATES = {
  CRON = {
    as("command", "({user_name}) CMD ({cron_command:r}"), as("list", "({user_name}) LIST ({cron_detail})"),
    as("edit", "({user_name}) {cron_event} EDIT ({cron_detail})"), as("other", "({user_name}) {cron_event} "
      .. "({cron_detail})"),
  },
  dhclient = {
    as("discover", "DHCPDISCOVER on {interface} to {remote_addr} port {remote_port:n}[[ interval "
      .. "{interval:n}]][[ ({xid})]]"),
    as("request", "DHCPREQUEST [[for {requested_addr} ]]on {interface} to {remote_addr} port "
      .. "{remote_port:n}[[ ({xid})]]"),
    as("offer", "DHCPOFFER [[of {offered_addr} ]]from {remote_addr}"), as("ack", "DHCPACK [[of "
      .. "{assigned_addr} ]]from {remote_addr}[[ ({xid})]]"),
    as("nak", "DHCPNAK from {remote_addr}[[ ({xid})]]"), as("bound", "bound to {assigned_addr} -- renewal in "
      .. "{renewal:n} seconds."),
  },
  dhcpd = {
    as("discover", "DHCPDISCOVER from {mac}[[ ({client_name})]] via {interface}[[: {dhcpd_detail:r}]]"),
    as("offer", "DHCPOFFER on {client_addr} to {mac}[[ ({client_name})]] via {interface}"),
    as("request", "DHCPREQUEST for {client_addr}[[ ({server_addr})]] from {mac}[[ ({client_name})]] via {interface}"),
    as("ack", "DHCPACK on {client_addr} to {mac}[[ ({client_name})]] via {interface}"),
    as("ack", "DHCPACK to {client_addr} ({mac}) via {interface}"), as("nak", "DHCPNAK on {client_addr} to "
      .. "{mac} via {interface}"),
    as("inform", "DHCPINFORM from {client_addr} via {interface}"),
    as("release", "DHCPRELEASE of {client_addr} from {mac}[[ ({client_name})]] via {interface}[[ ({dhcpd_detail})]]"),
  },
  groupadd = {
    as("group_added", "new group: name={group_name}, GID={group_gid:n}"),
    as("group_added", "group added to {file}: name={group_name}[[, GID={group_gid:n}]]"),
  },
  groupdel = {
    as("group_removed", "group '{group_name}' removed from {file}"), as("group_removed", "group "
      .. "'{group_name}' removed"),
  },
  kernel = {
    as("netfilter", "[[[{monotonic:f}] ]]{prefix:q}IN={in_interface:q} OUT={out_interface:q} {netfilter:r}"),
    as("out_of_memory", "[[[{monotonic:f}] ]]Out of memory: Kill[[ed]] process {pid:n} ({process_name}) {detail:r}"),
    as("segfault", "[[[{monotonic:f}] ]]{process_name}[{pid:n}]: segfault at {address:w} ip {ip:w} sp {sp:w} "
      .. "error {error:n}[[ in {image:r}]]"),
    as("message", "[{monotonic:f}] {kernel_message:r}"),
  },
  login = {
    as("login", "ROOT LOGIN  on '{tty}'[[ from '{remote_host}']]"), as("login", "LOGIN ON {tty} BY "
      .. "{user_name}[[ FROM {remote_host}]]"),
    as("login_failed", "FAILED LOGIN ({tries:n}) on '{tty}'[[ from '{remote_host}']] FOR '{user_name}', {detail:r}"),
  },
  named = {
    as("query", "client [[@{client_id:w} ]]{remote_addr}#{remote_port:n}[[ ({name})]]: query: {query:w} "
      .. "{record_class:w} {record_type:w} {query_flags:w}[[ ({server_addr})]]"),
    as("lame", "lame server resolving '{query}' (in '{zone}'?): {remote_addr}#{remote_port:n}"),
    as("resolve_failed", "{detail} resolving '{query}/{record_type}/{record_class}': {remote_addr}#{remote_port:n}"),
    as("transfer_started", "client [[@{client_id:w} ]]{remote_addr}#{remote_port:n}[[ ({name})]]: transfer of "
      .. "'{zone}/{record_class}': {detail:r}"),
    as("update_denied", "client [[@{client_id:w} ]]{remote_addr}#{remote_port:n}: update "
      .. "'{zone}/{record_class}' denied"),
  },
  ["puppet-agent"] = {
    as("finished", "[[({puppet_context}) ]]Finished catalog run in {seconds:f} seconds"),
    as("finished", "[[({puppet_context}) ]]Applied catalog in {seconds:f} seconds"),
    as("resource", "({puppet_resource}) {puppet_message:r}"), as("message", "{puppet_message:r}"),
  },
  sshd = {
    as("accepted", "Accepted {sshd_method} for {remote_user} from {remote_addr} port {remote_port:n} ssh2[[: "
      .. "{sshd_key:r}]]"),
    as("failed", "Failed {sshd_method} for invalid user {remote_user:q} from {remote_addr} port "
      .. "{remote_port:n}[[ {sshd_protocol:w}]]"),
    as("failed", "Failed {sshd_method} for {remote_user} from {remote_addr} port {remote_port:n}[[ "
      .. "{sshd_protocol:w}]]"),
    as("invalid_user", "Invalid user {remote_user:q} from {remote_addr} port {remote_port:n}"),
    as("invalid_user", "Invalid user {remote_user:q} from {remote_addr:w}"),
    as("closed", "Connection closed by [[{sshd_state} user {remote_user:q} ]]{remote_addr:w} port "
      .. "{remote_port:n}[[ [preauth]]]"),
    as("closed", "Connection closed by {remote_addr:w}[[ [preauth]]]"),
    as("reset", "Connection reset by [[{sshd_state} user {remote_user:q} ]]{remote_addr:w} port "
      .. "{remote_port:n}[[ [preauth]]]"),
    as("disconnected", "Received disconnect from {remote_addr:w} port {remote_port:n}:{sshd_code:n}: "
      .. "{sshd_reason:r}"),
    as("disconnected", "Received disconnect from {remote_addr}: {sshd_code:n}: {sshd_reason:r}"),
    as("disconnected", "Disconnected from [[{sshd_state} ]]user {remote_user} {remote_addr:w} port "
      .. "{remote_port:n}[[ [preauth]]]"),
    as("disconnected", "Disconnected from {remote_addr:w} port {remote_port:n}[[ [preauth]]]"),
    as("no_identification", "Did not receive identification string from {remote_addr:w}[[ port {remote_port:n}]]"),
    as("too_many_failures", "error: maximum authentication attempts exceeded for [[invalid user "
      .. "]]{remote_user} from {remote_addr} port {remote_port:n} ssh2[[ [preauth]]]"),
    as("listening", "Server listening on {listen_addr:w} port {listen_port:n}."),
  },
  su = {
    as("success", "Successful su for {user_name} by {remote_user}"), as("failed", "FAILED su for {user_name} "
      .. "by {remote_user}"),
    as("success", "(to {user_name}) {remote_user} on {tty}"), as("success", "+ {tty} {remote_user}:{user_name}"),
    as("failed", "- {tty} {remote_user}:{user_name}"),
  },
  sudo = {
    as("command", "{remote_user} : TTY={tty} ; PWD={pwd} ; USER={user_name} ; COMMAND={sudo_command:r}"),
    as("denied", "{remote_user} : {sudo_message} ; TTY={tty} ; PWD={pwd} ; USER={user_name} ; "
      .. "COMMAND={sudo_command:r}"),
  },
  ["systemd-logind"] = {
    as("session_opened", "New session {session} of user {user_name}."), as("session_closed", "Removed session "
      .. "{session}."),
    as("session_closed", "Session {session} logged out. Waiting for processes to exit."), as("new_seat", "New "
      .. "seat {seat}."),
  },
  useradd = {
    as("user_added", "new user: name={user_name}, UID={user_uid:n}, GID={user_gid:n}, home={home}, "
      .. "shell={shell}[[, from={tty}]]"),
    as("group_added", "new group: name={group_name}, GID={group_gid:n}"),
    as("added_to_group", "add '{user_name}' to [[shadow ]]group '{group_name}'"),
  },
}

local ALIASES = {cron = "CRON", crond = "CRON", CROND = "CRON", ["/USR/SBIN/CRON"] = "CRON", ["su:"] = "su"}
local USES_PAM = {CRON = true, login = true, sshd = true, su = true, sudo = true, ["systemd-logind"] = true}

local pam_grammar = line_template.grammar(PAM)
local made = {}

function M.get_wildcard_grammar(program)
  if program == "PAM" then return pam_grammar end
end

function M.get_prog_grammar(program)
  local name = ALIASES[program] or program
  if not TEMPLATES[name] then return nil end
  if not made[name] then
    local grammar = line_template.grammar(TEMPLATES[name])
    made[name] = USES_PAM[name] and pam_grammar + grammar or grammar
  end
  return made[name]
end

function M.programs()
  local names = {}
  for name in pairs(TEMPLATES) do names[#names + 1] = name end
  for _, name in ipairs{"cron", "crond"} do names[#names + 1] = name end
  table.sort(names)
  return names
end

return M
