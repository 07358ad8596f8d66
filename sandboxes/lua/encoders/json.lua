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
      Which members a line has, and in which order: names of fields or headers, each maybe followed by "as" and another
      name, as in "Timestamp as time". Without it a line has all headers and fields that the message has.
  timestamp_format:
    type: string
    default: rfc3339
    enum: [rfc3339, epoch_s, epoch_ms, epoch_ns]
    description: How the Timestamp is written; rfc3339 is in UTC.
---
Numbers keep the digits that they came with. Text that came as JSON keeps its escapes. A byte that is no UTF-8 is written as
U+FFFD, so a line is always valid JSON. A field that the message lacks is left out.

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
