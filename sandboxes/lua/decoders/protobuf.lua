--[[
---
name: protobuf
kind: decoder
summary: Decodes messages in Heka's protobuf format, framed or unframed.
---
A message keeps its Uuid, Timestamp, headers and fields. The splitter `heka` cuts a
stream of framed messages, as Heka and Hindsight send them, into records:

    inputs:
      hindsight:
        type: tcp
        address: 127.0.0.1:5565
        splitter: heka
        decoder: protobuf

Bytes that are not a message go to the dead letters with the reason.
--]]

function process_message()
  inject_message(read_message "Payload")
  return 0
end
