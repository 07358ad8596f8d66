-- The Hindsight name of the module syslog_message.
return require "syslog_message"
