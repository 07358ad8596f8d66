--[[
---
name: rsyslog
kind: decoder
summary: Parses lines written by rsyslog, with a grammar built from its template.
config:
  template:
    type: string
    default: RSYSLOG_TraditionalFileFormat
    description: The template string in rsyslog's configuration, or the name of a built-in template.
  hostname_keep:
    type: boolean
    default: false
    description: Keep this host in the Hostname header and put the hostname of the line into Fields[hostname].
  type:
    type: string
    default: rsyslog
    description: Type of the messages.
---
The template is the string of `template(name="..." type="string" string="...")`, or of the older `$template name,"..."`. The built-in
templates are RSYSLOG_TraditionalFileFormat, RSYSLOG_FileFormat, RSYSLOG_TraditionalForwardFormat and RSYSLOG_ForwardFormat.

- %timestamp%, %timereported% or, without them, %timegenerated% becomes the Timestamp; %hostname%, %fromhost% or %source% the
  Hostname; the process id of %syslogtag% or %procid% the Pid; %pri% or %syslogseverity% the Severity; %msg% the Payload.
- %syslogtag% without its process id becomes Fields[programname], as do %app-name% and %programname%.
- Every other property becomes a text field with its name in lower case.
- A time without a year is put into the latest year in which it is not in the future. It is UTC unless it has a zone.

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
