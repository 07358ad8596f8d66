--[[
---
name: payload
kind: encoder
summary: Writes the Payload of each message, and nothing else.
config:
  append_newlines:
    type: boolean
    default: true
    description: Write a line feed after each payload.
---
    outputs:
      copy:
        type: file
        path: copy.log
        message_matcher: "TRUE"
        encoder: payload
--]]

declare_encoder { format = "payload", append_newlines = read_config "append_newlines" }
