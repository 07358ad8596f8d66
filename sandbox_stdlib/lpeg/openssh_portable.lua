--[[
The printf formats of OpenSSH's sshd, for the module printf.

    local printf = require "lpeg.printf"
    local grammars = printf.load_messages {"lpeg.openssh_portable"}
    local grammar = printf.match_sample(grammars, line)

- `printf_messages`: list of {format, names of its arguments}. Names: authmsg, method, submethod, user, ssh_remote_ipaddr,
  ssh_remote_port, extra, ...

Source: log messages of sshd in portable OpenSSH that matter to administrators; the API is Hindsight's.
--]]

local ip_address = require "ip_address"
local lpeg = require "lpeg"

local Cg, P = lpeg.Cg, lpeg.P

local peer = Cg(ip_address.v4_field + ip_address.v6_field, "ssh_remote_ipaddr")
local method = Cg((1 - lpeg.S"/ ")^1, "method")
local submethod = (P"/" * Cg((1 - P" ")^1, "submethod"))^-1
local PORT = "ssh_remote_port"

local M = {
  printf_messages = {
    {"%s %s%s for %s%.100s from %.200s port %d ssh2%s%s", "authmsg", method, submethod, P"invalid user "^-1, "user", peer, PORT,
      P": "^-1, "extra"},
    {"Invalid user %.100s from %.100s port %d", "user", peer, PORT},
    {"Connection from %.500s port %d on %s port %d", peer, PORT, "local_address", "local_port"},
    {"Connection closed by %.200s port %d", peer, PORT},
    {"Connection closed by %s user %s %.200s port %d [preauth]", "state", "user", peer, PORT},
    {"Connection reset by %.200s port %d", peer, PORT},
    {"Received disconnect from %.200s port %d:%u: %.400s", peer, PORT, "reason", "msg"},
    {"Disconnected from user %s %.200s port %d", "user", peer, PORT},
    {"Disconnected from %.200s port %d", peer, PORT},
    {"Timeout, client not responding from %s", "remote_id"},
    {"Did not receive identification string from %s port %d", peer, PORT},
    {"Bad protocol version identification '%.100s' from %s port %d", "client_version_string", peer, PORT},
    {"ROOT LOGIN REFUSED FROM %.200s port %d", peer, PORT},
    {"User %.100s not allowed because account is locked", "pw_name"},
    {"User %.100s not allowed because shell %.100s does not exist", "pw_name", "shell"},
    {"User %.100s from %.100s not allowed because listed in DenyUsers", "pw_name", "hostname"},
    {"User %.100s from %.100s not allowed because not listed in AllowUsers", "pw_name", "hostname"},
    {"User %.100s from %.100s not allowed because a group is listed in DenyGroups", "pw_name", "hostname"},
    {"User %.100s from %.100s not allowed because not in any group", "pw_name", "hostname"},
    {"Authentication refused: %s", "line"},
    {"Account %.100s has expired", "sp_namp"},
    {"subsystem request for %.100s by user %s", "subsys", "pw_name"},
    {"subsystem request for %.100s by user %s failed, subsystem not found", "subsys", "pw_name"},
    {"reverse mapping checking getaddrinfo for %.700s [%s] failed.", "name", "ntop"},
    {"Server listening on %s port %s.", "ntop", "strport"},
    {"Received signal %d; terminating.", "received_sigterm"},
    {"Exiting on signal %d", "received_sigterm"},
    {"session opened for local user %s from [%s]", "pw_name", "client_addr"},
    {"session closed for local user %s from [%s]", "pw_name", "client_addr"},
  },
}

return M
