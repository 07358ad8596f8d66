--[[
---
name: syslog_programs
kind: decoder
summary: Adds fields from the syslog lines of sshd, sudo, cron, named, dhcpd, Postfix, the kernel and other programs.
config:
  program:
    type: string
    description: The program that wrote the lines; by default the value of Fields[programname].
  required:
    type: boolean
    default: false
    description: Refuse a message that no grammar matches, instead of passing it unchanged.
---
Put it after a syslog decoder. The fields are those of the module syslog_message, with Heka's names. The sshd line

    Accepted publickey for bob from 192.0.2.7 port 48000 ssh2

adds event accepted, sshd_authmsg Accepted, sshd_method publickey, remote_user bob, remote_addr 192.0.2.7 (ipv4), remote_port 48000.
PAM lines of any program are parsed too, and so are Postfix lines, with the fields of the module postfix.

    inputs:
      auth: {type: file, path: /var/log/auth.log, decoder: [syslog, syslog_programs], decoder_strategy: all}
--]]

local postfix = require "postfix"
local syslog_message = require "syslog_message"

local only, required = read_config "program", read_config "required"
local pam = syslog_message.get_wildcard_grammar "PAM"
local grammars = {}

-- Finds the grammar of a program. "/usr/sbin/cron" is "cron".
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
    return -1, "unknown line of " .. (program or "any program")
  end
  return 0
end
