-- The Hindsight name of the module syslog.
return require "syslog"
