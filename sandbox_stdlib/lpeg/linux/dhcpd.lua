-- The name under which scripts written for Hindsight require the grammar of dhcpd: `syslog_grammar`. See syslog_message.
return {syslog_grammar = require "syslog_message".get_prog_grammar "dhcpd"}
