--[[
---
name: nginx_error
kind: decoder
summary: Parses nginx error logs.
config:
  type:
    type: string
    default: nginx.error
    description: Type of the messages.
---
2024/05/01 12:00:00 [error] 1234#5678: *90 open() "/x" failed (2: No such file), client: 192.0.2.7, server: a, request: "GET /x"

gives Type nginx.error, Timestamp, Severity 3, Pid 1234, the Payload open() "/x" failed (2: No such file), and the fields tid 5678,
connection 90, client, server, request, upstream, host and referrer if present. The time is assumed to be UTC.

    inputs:
      nginx_errors: {type: file, path: /var/log/nginx/error.log, decoder: nginx_error}
--]]

local common_log_format = require "common_log_format"

declare_grammar {
  type = read_config "type",
  alternatives = common_log_format.nginx_error_items(),
}
