--[[
---
name: bind_query_log
kind: decoder
summary: Parses the query log of BIND 9.
config:
  type:
    type: string
    default: bind.query
    description: Type of the messages.
---
01-May-2024 12:00:00.000 client 10.0.1.70#41242 (www.example.com): query: www.example.com IN A +E (10.0.1.71)

gives the fields of Heka's decoder of this name: ClientIP, ClientPort, FullQuery, QueryName, QueryDomain, RecordClass, RecordType,
QueryFlags, ServerRespondingIP. The Timestamp is assumed to be UTC.

    inputs:
      queries: {type: file, path: /var/log/named/query.log, decoder: bind_query_log}
--]]

local bind = require "bind"

local message_type = read_config "type"

function process_message()
  local query = bind.grammar:match(read_message "Payload")
  if not query then return -1, "not a line of a query log" end
  local timestamp = query.Timestamp
  query.Timestamp = nil
  inject_message {Type = message_type, Timestamp = timestamp, Payload = "", Fields = query}
  return 0
end
