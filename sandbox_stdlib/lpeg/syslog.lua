-- The name under which scripts written for Hindsight require syslog.
return require "syslog"
