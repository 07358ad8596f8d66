-- The Hindsight name of the module the grammar of kernel: `syslog_grammar`. See syslog_message.
return {syslog_grammar = require "syslog_message".get_prog_grammar "kernel"}
