--[[
---
name: json
kind: decoder
summary: Turns a JSON object into fields; nested objects are flattened.
limits: {memory_limit: 16777216}
config:
  type: {type: string, default: json, description: Type of the messages.}
  separator: {type: string, default: ".", description: "Separator of nested names, as in user.name."}
  maximum_depth: {type: integer, default: 16, description: Objects nested deeper than this remain JSON text.}
  payload_keep: {type: boolean, default: false, description: Keep the record as the Payload.}
  timestamp_format:
    type: string
    default: rfc3339
    enum: [rfc3339, clf, epoch_s, epoch_ms, epoch_us, epoch_ns]
    description: Format of the member that the option Timestamp names.
  Timestamp: {type: string, description: Name of the member that becomes the Timestamp header.}
  Type: {type: string, description: Name of the member that becomes the Type header.}
  Logger: {type: string, description: Name of the member that becomes the Logger header.}
  Payload: {type: string, description: Name of the member that becomes the Payload header.}
  Uuid: {type: string, description: Name of the member that becomes the Uuid header.}
  Hostname: {type: string, description: Name of the member that becomes the Hostname header.}
  Severity: {type: string, description: Name of the member (a number) that becomes the Severity header.}
  EnvVersion: {type: string, description: Name of the member that becomes the EnvVersion header.}
  Pid: {type: string, description: Name of the member (a number) that becomes the Pid header.}
---
Strings become string fields, numbers integers or doubles, and true and false booleans. null is omitted. An array becomes one field;
read its values with `read_message("Fields[name]", 0, i)`. A name that occurs twice becomes a field that occurs twice. A whole number
of up to 15 digits can become a double if other records have a fraction. A record with more than 1,024 members, with more than
65,535 bytes of names, or nested deeper than about 200 levels is refused.

    inputs:
      service:
        type: file
        path: service.jsonl
        decoder: {type: json, config: {Timestamp: ts, Hostname: host}}

`{"ts":"2026-11-22T01:02:03Z","req":{"method":"GET"}}` gives the Timestamp and `Fields[req.method]`.
--]]

local names = {
  "type", "separator", "maximum_depth", "payload_keep", "timestamp_format", "Timestamp", "Type", "Logger", "Payload", "Uuid",
  "Hostname", "Severity", "EnvVersion", "Pid",
}

local options = {}
for _, name in ipairs(names) do
  options[name] = read_config(name)
end
declare_json(options)
