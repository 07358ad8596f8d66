--[[
---
name: postgresql
kind: decoder
summary: Parses PostgreSQL logs, with a grammar built from the server's log_line_prefix.
config:
  log_line_prefix:
    type: string
    default: "%m [%p] "
    description: The server's setting log_line_prefix.
  type:
    type: string
    default: postgresql
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
The fields are those of the prefix (user, database, application_name, remote_host, ...), level, and for slow statements duration (ms)
and statement. The Severity follows from the level. The splitter must keep a message of several lines together:

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
