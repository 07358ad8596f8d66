--[[
Grammars for the syslog lines of many programs (the message after "program[pid]: ").

    local grammar = require "syslog_message".get_prog_grammar(programname)
    local fields = grammar and grammar:match(message)

- `get_prog_grammar(program)` -> an LPEG pattern that captures a table, nil for an unknown program. Known programs are
  CRON (crond, cron, /USR/SBIN/CRON), dhclient, dhcpd, groupadd, groupdel, kernel, login, named, puppet-agent, sshd,
  su, sudo, systemd-logind, useradd. Those that use PAM take its lines, too.
- `get_wildcard_grammar "PAM"` -> the pattern for PAM lines, which any program can write
- `items(program)` -> the alternatives of a declared grammar with the same fields, nil for an unknown program; the
  program can be "PAM". A template with addresses becomes several alternatives, so there are up to a hundred
- `programs()` -> sorted list of the names

Fields have Heka's names: sshd_authmsg, sshd_method, remote_user, remote_addr, remote_port, cron_username,
pam_action, dhcp_type, dns_name, sudo_command, nf_src_ip, ... In addition, `event` names the kind of event. Numbers
are numbers, addresses {value=, representation=}. A line without a matching template does not match.

Source: the messages in the sources of vixie-cron, OpenSSH, Linux-PAM, sudo, shadow, systemd, ISC dhcp and BIND; the
functions and the names of fields are Heka's.
--]]

local line_template = require "line_template"
local positional = require "positional"
local table = require "table"
local templates = require "syslog_templates"

local ipairs, pairs = ipairs, pairs

local M = {}

local ALIASES = {cron = "CRON", crond = "CRON", CROND = "CRON", ["/USR/SBIN/CRON"] = "CRON", ["su:"] = "su"}
local USES_PAM = {CRON = true, login = true, sshd = true, su = true, sudo = true, ["systemd-logind"] = true}

local pam_grammar = line_template.grammar(templates.PAM)
local made = {}

function M.get_wildcard_grammar(program)
  if program == "PAM" then return pam_grammar end
end

local function make(name)
  if name == "kernel" then
    return require "netfilter".grammar + line_template.grammar(templates.kernel)
  end
  local grammar = line_template.grammar(templates[name])
  return USES_PAM[name] and pam_grammar + grammar or grammar
end

function M.get_prog_grammar(program)
  local name = ALIASES[program] or program
  if not templates[name] or name == "PAM" then return nil end
  made[name] = made[name] or make(name)
  return made[name]
end

function M.items(program)
  local name = ALIASES[program] or program
  if not templates[name] then return nil end
  local items = line_template.items(templates[name])
  if name == "kernel" then return positional.concat(require "netfilter".items(), items) end
  return USES_PAM[name] and positional.concat(line_template.items(templates.PAM), items) or items
end

function M.programs()
  local names = {}
  for name in pairs(templates) do
    if name ~= "PAM" then names[#names + 1] = name end
  end
  for _, name in ipairs{"cron", "crond"} do names[#names + 1] = name end
  table.sort(names)
  return names
end

return M
