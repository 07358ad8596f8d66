--[[
---
name: w3c
kind: decoder
summary: 'Parses logs in the W3C extended format, as those of IIS and CloudFront, made from their "#Fields:" line.'
config:
  fields:
    type: string
    default: iis
    description: 'The text behind "#Fields:" in the log; `iis` and `cloudfront` stand for what these write by themselves.'
  type:
    type: string
    default: w3c
    description: The Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Whether the line is kept as the Payload.
---
date and time together are the Timestamp, in UTC. The fields have the log's own names with _ for other characters: cs-uri-stem is
cs_uri_stem, cs(User-Agent) is cs_User_Agent. What is "-" is left out. Lines that begin with # are no records; they go to the dead
letters unless a splitter drops them.

    inputs:
      iis:
        type: file
        path: /logs/u_ex*.log
        decoder: {type: w3c, config: {fields: date time c-ip cs-method cs-uri-stem sc-status time-taken}}
--]]

local w3c = require "w3c"

local fields = read_config "fields"

declare_grammar {
  type = read_config "type",
  payload_is_record = read_config "payload_keep",
  alternatives = fields == "cloudfront" and w3c.cloudfront_items() or w3c.items(fields),
}
