--[[
---
name: rsyslog
kind: decoder
summary: Parses lines that rsyslog wrote; the grammar is made from its own template.
config:
  template:
    type: string
    default: RSYSLOG_TraditionalFileFormat
    description: The text of the template in rsyslog's configuration, or the name of one that is built in.
  hostname_keep:
    type: boolean
    default: false
    description: Whether the Hostname header stays that of this host; the line's own is then Fields[hostname].
  type:
    type: string
    default: rsyslog
    description: The Type of the messages.
---
The template is the string of `template(name="..." type="string" string="...")`, or of the older `$template name,"..."`. Built in are
RSYSLOG_TraditionalFileFormat, RSYSLOG_FileFormat, RSYSLOG_TraditionalForwardFormat, RSYSLOG_ForwardFormat.

- %timestamp%, %timereported% or, without them, %timegenerated% is the Timestamp; %hostname%, %fromhost% or %source% the Hostname; the
  process id of %syslogtag% or %procid% the Pid; %pri% or %syslogseverity% the Severity; %msg% the Payload.
- %syslogtag% is Fields[programname] without its process id; %app-name% and %programname% too.
- All other properties are fields of their own names in lower case; numbers are integers.
- A time without a year is of the latest year in which it is not in the future, and UTC unless it has a zone.

    inputs:
      system:
        type: file
        path: /var/log/syslog
        decoder: {type: rsyslog, config: {template: '%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n'}}
--]]

local syslog = require "syslog"

local BUILT_IN = {
  RSYSLOG_TraditionalFileFormat = "%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\\n",
  RSYSLOG_FileFormat = "%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\\n",
  RSYSLOG_TraditionalForwardFormat = "<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%",
  RSYSLOG_ForwardFormat = "<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%",
}
local TIMES = {"timestamp", "timereported", "timegenerated"}
local HOSTS = {"hostname", "fromhost", "source"}
local SEVERITIES = {"syslogseverity", "syslogseverity-text", "syslogpriority", "syslogpriority-text"}
local FACILITIES = {"syslogfacility", "syslogfacility-text"}
local PROGRAMS = {"app-name", "programname"}
local INTEGER = 2

local template = read_config "template"
local message_type, hostname_keep = read_config "type", read_config "hostname_keep"
local grammar = syslog.build_rsyslog_grammar(BUILT_IN[template] or template) * -1

-- takes the first of several properties that is there, and all of them out of the line
local function take(line, names)
  local found
  for _, name in ipairs(names) do
    if found == nil then found = line[name] end
    line[name] = nil
  end
  return found
end

local function headers_of(line)
  local pri, tag = line.pri or {}, line.syslogtag or {}
  line.pri, line.syslogtag = nil, nil
  local severity, facility = take(line, SEVERITIES), take(line, FACILITIES)
  local procid = take(line, {"procid"})
  local message = {
    Type = message_type, Timestamp = take(line, TIMES), Severity = pri.severity or severity, Payload = take(line, {"msg"}) or "",
    Pid = tag.pid or type(procid) == "number" and procid or nil,
  }
  line.syslogfacility = pri.facility or facility
  line.programname = take(line, PROGRAMS) or tag.programname
  if type(procid) == "string" and procid ~= "-" then line.procid = procid end
  local hostname = take(line, HOSTS)
  if hostname_keep then line.hostname = hostname else message.Hostname = hostname end
  return message
end

function process_message()
  local line = grammar:match(read_message "Payload")
  if not line then return -1, "not a line of the template" end
  local message = headers_of(line)
  for name, value in pairs(line) do
    line[name] = type(value) == "number" and {value = value, value_type = INTEGER} or value
  end
  message.Fields = line
  inject_message(message)
  return 0
end
