--[[
---
name: postgresql
kind: decoder
summary: Parses the log of PostgreSQL; the grammar is made from the server's own log_line_prefix.
config:
  log_line_prefix:
    type: string
    default: "%m [%p] "
    description: The setting log_line_prefix of the server.
  type:
    type: string
    default: postgresql
    description: The Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Whether the line is kept as the Payload.
---
The fields are those of the prefix (user, database, application_name, remote_host, ...), level, and for slow statements duration (ms)
and statement; Severity is that of the level. A message of several lines is one record only if the splitter makes it so:

    inputs:
      database:
        type: file
        path: /var/log/postgresql/postgresql.log
        splitter: {type: regex, delimiter: '\n(\d{4}-\d\d-\d\d )', delimiter_eol: false}
        decoder: {type: postgresql, config: {log_line_prefix: "%m [%p] %q%u@%d "}}
--]]

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = require "postgresql".items(read_config "log_line_prefix"),
}
