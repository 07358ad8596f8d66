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
- %syslogtag% is Fields[programname] without its process id, as %app-name% and %programname% are.
- All other properties are fields of their own names in lower case, as text.
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

local template = read_config "template"

declare_grammar {
  type = read_config "type",
  alternatives = syslog.rsyslog_items(BUILT_IN[template] or template, {
    hostname = read_config "hostname_keep" and "hostname" or "Hostname",
  }),
}
