--[[
---
name: elb
kind: decoder
summary: Parses the access logs of Amazon's load balancers.
config:
  format:
    type: string
    default: alb
    enum: [alb, classic]
    description: Log format of application load balancers or of classic load balancers.
  type:
    type: string
    default: aws.elb
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
The fields are described in the module elb: elb, client_addr, backend_addr, request_processing_time (s), elb_status,
received_bytes, request_method, request_uri, user_agent, ... Values of "-" or -1 are omitted.

    inputs:
      balancer: {type: file, path: /logs/elb/*.log, decoder: elb}
--]]

local elb = require "elb"

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = read_config "format" == "classic" and elb.classic_items() or elb.alb_items(),
}
