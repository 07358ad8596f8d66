--[[
---
name: protobuf
kind: encoder
summary: Writes each message in Heka's protobuf format, for Heka, Hindsight, or another Hekate.
config:
  framed:
    type: boolean
    default: true
    description: Add Heka's frame to each message. Without it a reader cannot find the end of a message.
---
    outputs:
      forward:
        type: tcp
        address: logs.example.com:5565
        message_matcher: "TRUE"
        encoder: protobuf

Integers become int64. A JSON array of values of one type becomes an array, and any
other JSON value a string of JSON. A missing Uuid is derived from the position of the
record, so it is the same if the record is read again.
--]]

declare_encoder { format = "protobuf", framed = read_config "framed" }
