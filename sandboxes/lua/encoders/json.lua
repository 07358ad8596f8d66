--[[
---
name: json
kind: encoder
summary: Writes each message as one line of JSON.
limits: {memory_limit: 16777216}
config:
  fields:
    type: list
    description: >
      Members of a line, in order: names of fields or headers. "Timestamp as time" renames a member. By default a line
      has all headers and fields of the message.
  timestamp_format:
    type: string
    default: rfc3339
    enum: [rfc3339, epoch_s, epoch_ms, epoch_ns]
    description: Format of the Timestamp; rfc3339 is in UTC.
---
Numbers keep their original digits. Text from JSON input keeps its escapes. A byte that is not UTF-8 is written as U+FFFD, so a line
is always valid JSON. Fields that the message lacks are omitted.

    outputs:
      errors:
        type: file
        path: errors.jsonl
        message_matcher: Fields[status] >= 500
        encoder:
          type: json
          config:
            fields: [remote_addr, Timestamp as time, status]
--]]

local function member(text)
  local source, key = text:match "^(.-) +as +(.+)$"
  if source then return { [key] = source } end
  return text
end

local fields = read_config "fields"
if fields then
  local members = {}
  for i, text in ipairs(fields) do
    members[i] = member(text)
  end
  fields = members
end

declare_encoder { format = "json", fields = fields, timestamp_format = read_config "timestamp_format" }
