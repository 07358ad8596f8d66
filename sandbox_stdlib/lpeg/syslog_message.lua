-- The name under which scripts written for Hindsight require syslog_message.
return require "syslog_message"
