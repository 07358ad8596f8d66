-- Templates of lines by program: data for syslog_message, which describes it. See line_template for the syntax between
-- braces.
local pairs = pairs

local function as(event, template, more)
  local made = {template, event = event}
  for name, value in pairs(more or {}) do made[name] = value end
  return made
end

local M = {}

local function pam(event, type, template, action)
  return as(event, "{pam_module}({pam_service}:" .. type .. "): " .. template, {pam_type = type, pam_action = action})
end

local BY = "[[{login_name}]](uid={uid:n})"
local AUTH_FAILURE = "authentication failure; logname={logname:q} uid={uid:n} euid={euid:n} tty={tty:q} ruser={ruser:q} rhost={rhost:q}"

M.PAM = {
  pam("session_opened", "session", "session opened for user {user_name}(uid={user_uid:n}) by " .. BY, "session opened"),
  pam("session_opened", "session", "session opened for user {user_name} by " .. BY, "session opened"),
  pam("session_closed", "session", "session closed for user {user_name}", "session closed"),
  pam("auth_failure", "auth", AUTH_FAILURE .. "  user={user}", "authentication failure"),
  pam("auth_failure", "auth", AUTH_FAILURE, "authentication failure"),
  pam("user_unknown", "auth", "check pass; user [[({user_name}) ]]unknown"),
  pam("account", "account", "{pam_message:r}"),
  pam("password", "chauthtok", "{pam_message:r}"),
}

M.CRON = {
  as("command", "({cron_username}) {cron_event:w} ({cron_detail:l})"),
  as("command", "({cron_username}) {cron_event} ({cron_detail:l})"),
}

local function dhcp(type, template, event)
  return as(event or type:sub(5):lower(), type .. " " .. template, {dhcp_type = type})
end

local TO_SERVER = "on {dhcp_client_interface} to {dhcp_server_addr:a} port {dhcp_server_port:n}"

M.dhclient = {
  dhcp("DHCPDISCOVER", TO_SERVER .. "[[ interval {dhcp_client_interval_seconds:n}]][[ ({dhcp_xid})]]"),
  dhcp("DHCPREQUEST", "[[for {dhcp_client_addr:a} ]]" .. TO_SERVER .. "[[ ({dhcp_xid})]]"),
  dhcp("DHCPDECLINE", TO_SERVER .. "[[ ({dhcp_xid})]]"),
  dhcp("DHCPRELEASE", "[[of {dhcp_client_addr:a} ]]" .. TO_SERVER .. "[[ ({dhcp_xid})]]"),
  dhcp("DHCPOFFER", "[[of {dhcp_client_addr:a} ]]from {dhcp_server_addr:a}"),
  dhcp("DHCPACK", "[[of {dhcp_client_addr:a} ]]from {dhcp_server_addr:a}[[ ({dhcp_xid})]]"),
  dhcp("DHCPNAK", "from {dhcp_server_addr:a}[[ ({dhcp_xid})]]"),
  as("bound", "bound to {dhcp_client_addr:a} -- renewal in {dhcp_client_renewal_seconds:n} seconds."),
}

local CLIENT = "{dhcp_client_hw_addr:w}[[ ({dhcp_client_hostname})]] via {dhcp_source:w}"
local WITH_MESSAGE = "{dhcp_client_hw_addr:w}[[ ({dhcp_client_hostname})]] via {dhcp_source}[[: {dhcp_message:r}]]"
local ON_CLIENT = "on {dhcp_client_addr:a} to " .. CLIENT .. "[[ [{dhcp_lease_time:n}]]]"
local POOL = "{dhcp_network}  total {dhcp_lease_count:n}  free {dhcp_free_leases:n}  backup {dhcp_backup_leases:n}  lts {dhcp_lts:n}"

M.dhcpd = {
  dhcp("DHCPDISCOVER", "from " .. WITH_MESSAGE),
  dhcp("DHCPOFFER", ON_CLIENT),
  dhcp("DHCPREQUEST", "for {dhcp_client_addr:a}[[ ({dhcp_server_addr})]] from " .. WITH_MESSAGE),
  dhcp("DHCPACK", ON_CLIENT),
  dhcp("DHCPACK", "to {dhcp_client_addr:a} ({dhcp_client_hw_addr}) via {dhcp_source:w}[[ [{dhcp_lease_time:n}]]]"),
  dhcp("DHCPNAK", "on {dhcp_client_addr:a} to " .. CLIENT),
  dhcp("DHCPINFORM", "from {dhcp_client_addr:a} via {dhcp_source}[[: {dhcp_message:r}]]"),
  dhcp("DHCPRELEASE", "of {dhcp_client_addr:a} from " .. CLIENT .. "[[ ({dhcp_message})]]"),
  dhcp("BOOTREQUEST", "from " .. CLIENT, "bootrequest"),
  dhcp("BOOTREPLY", ON_CLIENT, "bootreply"),
  as("pool", "balancing pool {dhcp_pool_id} " .. POOL .. "  max-own (+/-){dhcp_hold:n}[[  (requesting peer rebalance!)]]",
    {dhcp_pool_result = "balancing"}),
  as("pool", "balanced pool {dhcp_pool_id} " .. POOL .. "  max-misbal {dhcp_thresh:n}", {dhcp_pool_result = "balanced"}),
  as("pool", "IMBALANCED pool {dhcp_pool_id} " .. POOL .. "  max-misbal {dhcp_thresh:n}", {dhcp_pool_result = "IMBALANCED"}),
  as("bind_update", "bind update on {dhcp_client_addr:a} from {dhcp_failover_peer} rejected: {dhcp_message:r}",
    {dhcp_bind_update_status = "rejected"}),
  as("bind_update", "bind update on {dhcp_client_addr:a} got ack from {dhcp_failover_peer}: {dhcp_message:r}",
    {dhcp_bind_update_status = "got ack"}),
}

M.groupadd = {
  as("group_added", "new group: name={group_name}, GID={gid:n}"),
  as("group_added", "group added to {file}: name={group_name}[[, GID={gid:n}]]"),
}

M.groupdel = {
  as("group_removed", "group '{group_name}' removed from {file}"),
  as("group_removed", "group '{group_name}' removed"),
}

local CLOCK = "[[[{monotonic_timestamp:f}] ]]"

M.kernel = {
  as("out_of_memory", CLOCK .. "Out of memory: Kill[[ed]] process {pid:n} ({process_name}) {detail:r}"),
  as("segfault", CLOCK .. "{process_name}[{pid:n}]: segfault at {address:w} ip {ip:w} sp {sp:w} error {error:n}[[ in {image:r}]]"),
  as("message", "[{monotonic_timestamp:f}] {kernel_message:r}"),
}

M.login = {
  as("login", "ROOT LOGIN  on '{tty}'[[ from '{from}']]", {user = "root"}),
  as("login", "LOGIN ON {tty} BY {user}[[ FROM {from}]]"),
  as("login_failed", "FAILED LOGIN ({failcount:n}) on '{tty}'[[ from '{from}']] FOR '{user}', {pam_error:r}"),
}

local DNS_ADDR = "{dns_addr:a}#{dns_port:n}"
local DNS_CLIENT = "{dns_client_addr:a}#{dns_client_port:n}"

M.named = {
  as("lame", "lame server resolving '{dns_name}' (in '{dns_domain}'?): " .. DNS_ADDR, {dns_error = "lame server"}),
  as("resolve_failed", "error ({dns_error}) resolving '{dns_name}/{dns_type}/{dns_class}': " .. DNS_ADDR),
  as("format_error", "DNS format error from " .. DNS_ADDR .. " resolving {dns_name}/{dns_type} for client " .. DNS_CLIENT
      .. ": {dns_message:r}", {dns_error = "DNS format error"}),
  as("format_error", "DNS format error from " .. DNS_ADDR .. " resolving {dns_name}/{dns_type}: {dns_message:r}",
    {dns_error = "DNS format error"}),
  as("cname", "skipping nameserver '{dns_nameserver}' because it is a CNAME, while resolving '{dns_name}'",
    {dns_error = "skipping nameserver"}),
  as("resolved", "success resolving '{dns_name}/{dns_type}' (in '{dns_domain}'?) after {dns_message:r}"),
  as("resolve_failed", "{dns_error} resolving '{dns_name}/{dns_type}/{dns_class}': " .. DNS_ADDR),
  as("client", "client [[@{dns_client_id:w} ]]" .. DNS_CLIENT
      .. "[[/key {dns_client_signer:w}]][[ ({dns_name})]][[: view {dns_view}]]: {dns_message:r}"),
  as("notify", "zone {dns_domain}/{dns_class}/{dns_view}: sending notifies (serial {dns_serial:n})", {dns_message = "sending notifies"}),
  as("clients_per_query", "clients-per-query decreased to {dns_clients_per_query:n}"),
}

local RESOURCE = "({puppet_resource_path}) "

M["puppet-agent"] = {
  as("finished", "Finished catalog run in {puppet_benchmark_seconds:f} seconds", {puppet_msg = "Finished catalog run"}),
  as("finished", "Applied catalog in {puppet_benchmark_seconds:f} seconds", {puppet_msg = "Applied catalog"}),
  as("triggered", RESOURCE .. "Triggered '{puppet_callback}' from {puppet_events_count:n} events", {puppet_msg = "Triggered"}),
  as("triggered", RESOURCE .. "Would have triggered '{puppet_callback}' from {puppet_events_count:n} events",
    {puppet_msg = "Would have triggered", puppet_noop = true}),
  as("scheduled", RESOURCE .. "Scheduling {puppet_callback} of {puppet_callback_target:r}"),
  as("unscheduled", RESOURCE .. "Unscheduling {puppet_callback} on {puppet_callback_target:r}"),
  as("filebucketed", RESOURCE .. "Filebucketed {puppet_file_path} to {puppet_bucket} with sum {puppet_file_sum:r}"),
  as("noop", RESOURCE .. "current_value {puppet_current_value}, should be {puppet_should_value} (noop)"
      .. "[[ (previously recorded value was {puppet_historical_value})]]", {puppet_noop = true}),
  as("changed", RESOURCE .. "{puppet_ensure_parameter:w} changed '{puppet_old_value:q}' to '{puppet_new_value:l}'"),
  as("executed", RESOURCE .. "executed successfully", {puppet_change = "executed successfully"}),
  as("resource", RESOURCE .. "{puppet_message:r}"),
  as("message", "{puppet_message:r}"),
}
local PEER = "{remote_addr:a} port {remote_port:n}"
local STATE_USER = "[[{sshd_state} user {remote_user:q} ]]"
local METHOD = "{sshd_method}[[/{sshd_submethod}]] for [[invalid user ]]{remote_user:q} from " .. PEER
  .. "[[ {sshd_protocol}]][[: {sshd_info:r}]]"

local function attempt(event, result)
  return as(event, result .. " " .. METHOD, {sshd_authmsg = result})
end

M.sshd = {
  attempt("accepted", "Accepted"), attempt("failed", "Failed"), attempt("partial", "Partial"), attempt("postponed", "Postponed"),
  as("invalid_user", "Invalid user {remote_user:q} from {remote_addr:a}[[ port {remote_port:n}]]"),
  as("invalid_user", "input_userauth_request: invalid user {remote_user:q} [preauth]"),
  as("closed", "Connection closed by " .. STATE_USER .. PEER .. "[[ [preauth]]]"),
  as("closed", "Connection closed by {remote_addr:a}[[ [preauth]]]"),
  as("reset", "Connection reset by " .. STATE_USER .. PEER .. "[[ [preauth]]]"),
  as("connected", "Connection from " .. PEER .. " on {local_addr:a} port {local_port:n}[[ rdomain {rdomain}]]"),
  as("disconnected", "Received disconnect from " .. PEER .. ":{disconnect_reason:n}: {disconnect_msg:r}"),
  as("disconnected", "Received disconnect from {remote_addr:a}: {disconnect_reason:n}: {disconnect_msg:r}"),
  as("disconnected", "Disconnected from [[{sshd_state} ]]user {remote_user} " .. PEER .. "[[ [preauth]]]"),
  as("disconnected", "Disconnected from " .. PEER .. "[[ [preauth]]]"),
  as("no_identification", "Did not receive identification string from {remote_addr:a}[[ port {remote_port:n}]]"),
  as("reverse_mapping", "reverse mapping checking getaddrinfo for {remote_host} [{remote_addr:a}] failed[[ - POSSIBLE BREAK-IN ATTEMPT!]]"),
  as("subsystem", "subsystem request for {sshd_subsystem}[[ by user {remote_user}]]"),
  as("too_many_failures", "error: maximum authentication attempts exceeded for [[invalid user ]]{remote_user} from " .. PEER
      .. " ssh2[[ [preauth]]]", {sshd_errorlevel = "error"}),
  as("listening", "Server listening on {listen_address:w} port {listen_port:n}."),
  as("signal", "Exiting on signal {signal:n}[[.]]"), as("signal", "Received signal {signal:n}; terminating."),
  as("error", "error: {sshd_error:r}", {sshd_errorlevel = "error"}), as("error", "fatal: {sshd_error:r}", {sshd_errorlevel = "fatal"}),
}

M.su = {
  as("success", "Successful su for {su_name} by {su_oldname}", {su_status = "Successful"}),
  as("failed", "FAILED su for {su_name} by {su_oldname}", {su_status = "FAILED"}),
  as("success", "(to {su_name}) {su_oldname} on {pty}"), as("success", "+ {pty} {su_oldname}:{su_name}"),
  as("failed", "- {pty} {su_oldname}:{su_name}"), as("failed", "pam_authenticate: {pam_error:r}"),
}

local SUDO = "TTY={sudo_tty} ; PWD={sudo_pwd} ; [[USER={sudo_user} ; ]][[GROUP={sudo_group} ; ]][[TSID={sudo_tsid} ; ]]"
  .. "[[ENV={sudo_env} ; ]]COMMAND={sudo_command:r}"

M.sudo = {
  as("command", "{sudo_message:w} : " .. SUDO), as("denied", "{remote_user:w} : {sudo_message} ; " .. SUDO),
}

M["systemd-logind"] = {
  as("session_opened", "New session {session_id} of user {user_id}.", {sd_message = "SESSION_START"}),
  as("session_closed", "Removed session {session_id}.", {sd_message = "SESSION_STOP"}),
  as("session_closed", "Session {session_id} logged out. Waiting for processes to exit."),
  as("new_seat", "New seat {seat_id}."),
}

M.useradd = {
  as("user_added", "new user: name={user_name}, UID={uid:n}, GID={gid:n}, home={user_home}, shell={user_shell}[[, from={tty}]]"),
  as("group_added", "new group: name={group_name}, GID={gid:n}"),
  as("added_to_group", "add '{user_name}' to [[shadow ]]group '{group_name}'"),
}

return M
