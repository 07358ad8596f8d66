--[[
---
name: template
kind: encoder
summary: Writes each message as text from a template.
config:
  template:
    type: string
    required: true
    description: Text in which %{name} is replaced by a header or a field, as in "%{Timestamp} %{Hostname} %{Fields[status]}".
  missing:
    type: string
    default: "-"
    description: Text for a value that the message lacks.
  append_newlines:
    type: boolean
    default: true
    description: Write a line feed after each text.
---
`%{status}` is short for `%{Fields[status]}`. The Timestamp is written as RFC 3339 in UTC.

    outputs:
      slow:
        type: console
        message_matcher: Fields[request_time] > 1
        encoder:
          type: template
          config: {template: "%{Timestamp} %{request_uri} took %{request_time} s"}
--]]

declare_encoder {
  format = "template", template = read_config "template", missing = read_config "missing",
  append_newlines = read_config "append_newlines",
}
