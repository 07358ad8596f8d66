--[[
---
name: json
kind: decoder
summary: Turns a JSON object into fields; nested objects are flattened.
limits: {memory_limit: 16777216}
config:
  type: {type: string, default: json, description: Type of the messages.}
  separator: {type: string, default: ".", description: "What joins the names of nested objects, as in user.name."}
  maximum_depth: {type: integer, default: 16, description: Objects nested deeper than this stay JSON text.}
  payload_keep: {type: boolean, default: false, description: Whether the message keeps the record as its Payload.}
  timestamp_format:
    type: string
    default: rfc3339
    enum: [rfc3339, clf, epoch_s, epoch_ms, epoch_us, epoch_ns]
    description: How the member that is named by Timestamp is written.
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
Strings are fields of type string, numbers integers or doubles, true and false booleans; null is absent. An array is one field whose
values `read_message("Fields[name]", 0, i)` reads. A name that occurs twice is a field that occurs twice. A whole number of up to 15
digits may be a double where other records have a fraction. A record of more than 1,024 members, with names of more than 65,535
bytes in all, or nested deeper than some 200 levels, is refused.

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
