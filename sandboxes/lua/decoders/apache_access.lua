--[[
---
name: apache_access
kind: decoder
summary: Parses Apache access logs, with a grammar built from the server's LogFormat.
config:
  log_format:
    type: string
    default: combined
    description: The LogFormat string in Apache's configuration, or `common`, `combined`, `vhost_combined`.
  type:
    type: string
    default: apache.access
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
The fields have the names of nginx's variables, so that one filter can serve both
servers: %h is remote_addr, %u remote_user, %>s status, %b body_bytes_sent,
%{Referer}i http_referer, %v server_name, %D request_time in us, %T in s,
%I request_length, %O response_length, %{X}C cookie_X, %{X}e env_X, %{X}n module_X, %{X-Y}o
sent_http_x_y. %l (identd) is remote_logname; "-" omits it.

- %r becomes request_method, request_uri and server_protocol. If it is not a valid
  request, it becomes the single field request.
- %t, %{sec}t, %{msec}t or %{usec}t becomes the Timestamp. A time in a strftime
  format stays text, in the field time_local.
- A "-" instead of a number (%b writes it for 0 bytes) omits the field.
- Values keep Apache's escapes: a quote is \".

Example:

    inputs:
      access:
        type: file
        path: /var/log/apache2/access.log
        decoder: apache_access

    192.0.2.7 - bob [01/May/2024:12:00:00 +0200] "GET /a?b=1 HTTP/1.1" 200 512 "-" "curl/7.88.1"

gives Type apache.access, Timestamp 2024-05-01T10:00:00Z, and the fields remote_addr
192.0.2.7, remote_user bob, request_method GET, request_uri /a?b=1, server_protocol
HTTP/1.1, status 200, body_bytes_sent 512 B, http_referer -, http_user_agent curl/7.88.1.
--]]

local common_log_format = require "common_log_format"

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = common_log_format.apache_items(read_config "log_format"),
}
