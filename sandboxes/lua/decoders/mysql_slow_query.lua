--[[
---
name: mysql_slow_query
kind: decoder
summary: Parses entries of the slow query logs of MySQL, MariaDB and Percona Server.
config:
  format:
    type: string
    default: mysql
    enum: [mysql, mariadb, percona, short, mariadb_short]
    description: 'Server that wrote the log. Short formats have no line "# User@Host:".'
  truncate_sql:
    type: integer
    default: 0
    description: Maximum bytes of the statement to keep; 0 keeps all.
  type:
    type: string
    default: mysql.slow-query
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the whole entry as the Payload instead of the statement.
---
An entry has several lines. The splitter must keep them together:

    inputs:
      slow:
        type: file
        path: /var/log/mysql/slow.log
        splitter: {type: regex, delimiter: '\n(# User@Host:)', delimiter_eol: false}
        decoder: mysql_slow_query

The fields have the log's names: Username, Hostname, Query_time (s), Lock_time (s), Rows_sent, Rows_examined, Schema, ... The
Timestamp is that of the entry.
--]]

local mysql = require "mysql"

local GRAMMARS = {
  mysql = mysql.slow_query_grammar, mariadb = mysql.mariadb_slow_query_grammar, percona = mysql.percona_slow_query_grammar,
  short = mysql.short_slow_query_grammar, mariadb_short = mysql.mariadb_short_slow_query_grammar,
}

local grammar, truncate_sql = GRAMMARS[read_config "format"], read_config "truncate_sql"
local message_type, payload_keep = read_config "type", read_config "payload_keep"

function process_message()
  local entry = read_message "Payload"
  local fields = grammar:match(entry) or grammar:match(entry .. "\n")
  if not fields then return -1, "not an entry of a slow query log" end
  local timestamp, sql = fields.timestamp, fields.sql
  if sql and truncate_sql > 0 then sql = mysql.truncate(sql, truncate_sql) end
  fields.timestamp, fields.sql = nil, payload_keep and sql or nil
  inject_message {Type = message_type, Timestamp = timestamp, Payload = payload_keep and entry or sql or "", Fields = fields}
  return 0
end
