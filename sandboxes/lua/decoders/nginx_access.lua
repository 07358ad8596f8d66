--[[
---
name: nginx_access
kind: decoder
summary: Parses nginx access logs, with a grammar built from the server's log_format.
config:
  log_format:
    type: string
    default: combined
    description: The log_format string in nginx's configuration, or `combined`.
  type:
    type: string
    default: nginx.access
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
The fields have the names of nginx's variables: remote_addr, remote_user, status,
body_bytes_sent, http_referer, http_user_agent, ...

- `$request` becomes request_method, request_uri and server_protocol. If it is not a
  valid request, such as TLS bytes sent to a plain port, it becomes the single field
  request.
- The most precise of `$time_local`, `$time_iso8601` and `$msec` becomes the Timestamp.
- Numbers become numeric fields, with the representation B for bytes and s for
  seconds. A "-" instead of a number omits the field.
- A list of upstream servers becomes fields of the same name, in order:
  Fields[upstream_status][1] is the second. Everything after the fourth is kept as
  text in upstream_status_rest.
- Values keep nginx's escapes: a quote is \x22.

Example:

    inputs:
      access:
        type: file
        path: /var/log/nginx/access.log
        decoder: nginx_access

    192.0.2.7 - bob [01/May/2024:12:00:00 +0200] "GET /a?b=1 HTTP/1.1" 200 512 "-" "curl/7.88.1"

gives Type nginx.access, Timestamp 2024-05-01T10:00:00Z, and the fields remote_addr
192.0.2.7, remote_user bob, request_method GET, request_uri /a?b=1, server_protocol
HTTP/1.1, status 200, body_bytes_sent 512 B, http_referer -, http_user_agent curl/7.88.1.
--]]

local common_log_format = require "common_log_format"

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = common_log_format.nginx_items(read_config "log_format"),
}
