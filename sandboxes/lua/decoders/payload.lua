--[[
---
name: payload
kind: decoder
summary: Passes each record on unchanged, as the Payload of a message.
config:
  type:
    type: string
    default: ""
    description: Type of the messages.
---
For records that need no parsing, or that a filter or the consumer of the output
parses:

    inputs:
      lines:
        type: tcp
        address: 127.0.0.1:5565
        decoder: {type: payload, config: {type: lines}}
--]]

declare_payload { type = read_config "type" }
