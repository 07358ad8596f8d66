--[[
---
name: nginx_access
kind: decoder
summary: Parses nginx access logs; the grammar is made from the server's own log_format.
config:
  log_format:
    type: string
    default: combined
    description: The text of log_format in nginx's configuration, or `combined`.
  type:
    type: string
    default: nginx.access
    description: The Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Whether the line is kept as the Payload.
---
The fields are named as nginx's variables: remote_addr, remote_user, status,
body_bytes_sent, http_referer, http_user_agent, ...

- `$request` becomes request_method, request_uri and server_protocol; where it is
  no request (bytes of TLS sent to a plain port, say) it is one field, request.
- `$time_local`, `$time_iso8601` or `$msec`, the most precise of them, becomes
  the Timestamp.
- Numbers are numbers, with the representation B for bytes and s for seconds. A
  "-" in their place leaves the field out.
- A list of upstream servers becomes fields of the same name in that order:
  Fields[upstream_status][1] is the second. What follows the fourth is kept as
  text in upstream_status_rest.
- Values stay as nginx wrote them: a quote is \x22.

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
