--[[
---
name: protobuf
kind: encoder
summary: Writes each message in Heka's protobuf, for Heka, Hindsight, or another Hekate.
config:
  framed:
    type: boolean
    default: true
    description: Put Heka's frame around each message; without it a reader cannot tell where a message ends.
---
    outputs:
      forward:
        type: tcp
        address: logs.example.com:5565
        message_matcher: "TRUE"
        encoder: protobuf

Integers are int64, a JSON array of values of one type is an array, and any other
JSON value is a string of JSON. A Uuid that a message lacks is derived from the place
where its record was read, so it is the same if the record is read again.
--]]

declare_encoder { format = "protobuf", framed = read_config "framed" }
