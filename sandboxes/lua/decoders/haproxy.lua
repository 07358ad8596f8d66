--[[
---
name: haproxy
kind: decoder
summary: Parses the HTTP and TCP logs of HAProxy.
config:
  type:
    type: string
    default: haproxy
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
Parses the lines of option httplog and option tcplog and those of failed connections, without a syslog header. If there is one, put
this decoder after `syslog` with `decoder_strategy: all`. The fields are described in the module haproxy. Durations are in ms.
HAProxy writes no time zone, so UTC is assumed.

    inputs:
      proxy: {type: udp, address: 127.0.0.1:5140, decoder: [syslog, haproxy], decoder_strategy: all}
--]]

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = require "haproxy".items(),
}
