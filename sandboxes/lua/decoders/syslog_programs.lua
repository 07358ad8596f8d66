--[[
---
name: syslog_programs
kind: decoder
summary: Adds to messages of syslog what the programs sshd, sudo, cron, named, dhcpd, Postfix, the kernel and others say.
config:
  program:
    type: string
    description: The program whose lines these are; by default what Fields[programname] says.
  required:
    type: boolean
    default: false
    description: Whether a message that no grammar takes is refused; otherwise it stays as it is.
---
Stands behind a decoder of syslog. The fields are those of the module syslog_message, under the names that Heka gave them:

    Accepted publickey for bob from 192.0.2.7 port 48000 ssh2

of sshd adds event accepted, sshd_authmsg Accepted, sshd_method publickey, remote_user bob, remote_addr 192.0.2.7 (ipv4), remote_port
48000. Any program's lines of PAM are taken, too, and those of Postfix, whose fields are those of the module postfix.

    inputs:
      auth: {type: file, path: /var/log/auth.log, decoder: [syslog, syslog_programs], decoder_strategy: all}
--]]

local postfix = require "postfix"
local syslog_message = require "syslog_message"

local only, required = read_config "program", read_config "required"
local pam = syslog_message.get_wildcard_grammar "PAM"
local grammars = {}

-- "postfix/smtpd" is no program of ours; "/usr/sbin/cron" is "cron"
local function grammar_of(program)
  if grammars[program] == nil then
    grammars[program] = syslog_message.get_prog_grammar(program) or syslog_message.get_prog_grammar(program:match "[^/]*$") or pam
  end
  return grammars[program]
end

local function fields_of(program, text)
  if program:find("^postfix") then return postfix.postfix_match(program, text) end
  return grammar_of(program):match(text)
end

local function add(name, value)
  if type(value) == "table" then
    write_message("Fields[" .. name .. "]", value.value, value.representation)
  else
    write_message("Fields[" .. name .. "]", value)
  end
end

function process_message()
  local program = only or read_message "Fields[programname]"
  local fields = program and fields_of(program, read_message "Payload")
  if fields then
    for name, value in pairs(fields) do add(name, value) end
  elseif required then
    return -1, "no line that is known of " .. (program or "any program")
  end
  return 0
end
