--[[
---
name: syslog
kind: decoder
summary: Parses syslog lines of RFC 3164 and RFC 5424, with and without the priority.
config:
  type:
    type: string
    default: syslog
    description: Type of the messages.
  hostname_keep:
    type: boolean
    default: false
    description: Keep this host in the Hostname header and put the hostname of the line into Fields[hostname].
---
Parses the formats that programs, rsyslog and syslog-ng send and write to files:

    <86>May  1 12:00:00 web01 sshd[4558]: Accepted publickey for bob
    May  1 12:00:00 web01 kernel: [7392068.978113] Out of memory
    <13>2024-05-01T12:00:00.123456+02:00 web01 app[12]: text
    <165>1 2024-05-01T10:00:00Z web01 app 12 ID47 [meta@32473 seq="1"] text

- It sets the headers Timestamp, Hostname, Pid, Severity, and Payload (the text).
- It sets Fields[programname], Fields[syslogfacility] (the number) and Fields[msgid].
- A process id that is not a number becomes Fields[procid].
- Structured data of RFC 5424 becomes fields: Fields[meta@32473.seq] is "1".
- Without a priority, Severity stays at 7 and there is no facility.
- A line without a tag becomes the Payload as a whole.

RFC 3164 has neither year nor time zone. The time is assumed to be UTC, in the latest
year in which it is at most a day after the line arrived: December's lines that are
read in January belong to the previous year.
--]]

local syslog = require "syslog"

local message_type = read_config "type"
local hostname_keep = read_config "hostname_keep"

declare_grammar {
  type = message_type,
  alternatives = syslog.items {hostname = hostname_keep and "hostname" or "Hostname"},
}

local INTEGER = 2

local function structured_fields(fields, elements)
  for _, element in ipairs(elements or {}) do
    for i = 2, #element, 2 do
      fields[#fields + 1] = {name = element[1] .. "." .. element[i], value = element[i + 1]}
    end
  end
end

local function message_of(line)
  local fields = {{name = "syslogfacility", value = syslog.facility_of(line.pri), value_type = INTEGER}}
  local function add(name, value)
    if value ~= nil then fields[#fields + 1] = {name = name, value = value} end
  end
  local pid = line.procid and line.procid:match "^%d+$"
  add("programname", line.programname)
  add("procid", not pid and line.procid or nil)
  add("msgid", line.msgid)
  if hostname_keep then add("hostname", line.hostname) end
  structured_fields(fields, line.structured_data)
  return {
    Type = message_type, Timestamp = line.timestamp, Severity = syslog.severity_of(line.pri), Pid = tonumber(pid),
    Hostname = not hostname_keep and line.hostname or nil, Payload = line.msg or "", Fields = fields,
  }
end

-- Processes lines with structured data, whose field names cannot be declared.
function process_message()
  local line = syslog.rfc5424:match(read_message "Payload")
  if not line then return -1, "not a syslog line" end
  inject_message(message_of(line))
  return 0
end
