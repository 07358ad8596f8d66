-- The Hindsight name of the module the grammar of PAM: `syslog_grammar`. See syslog_message.
return {syslog_grammar = require "syslog_message".get_wildcard_grammar "PAM"}
