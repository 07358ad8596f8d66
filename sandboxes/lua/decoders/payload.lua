--[[
---
name: payload
kind: decoder
summary: Passes each record on as it is, as the Payload of a message.
config:
  type:
    type: string
    default: ""
    description: The Type of the messages.
---
For records that need no parsing, or that a later decoder, a filter or the reader
of the output will parse:

    inputs:
      lines:
        type: tcp
        address: 127.0.0.1:5565
        decoder: {type: payload, config: {type: lines}}
--]]

declare_payload { type = read_config "type" }
