--[[
---
name: w3c
kind: decoder
summary: 'Parses W3C extended logs, such as those of IIS and CloudFront, with a grammar built from the "#Fields:" line.'
config:
  fields:
    type: string
    default: iis
    description: 'The text after "#Fields:" in the log, or `iis` or `cloudfront` for their default fields.'
  type:
    type: string
    default: w3c
    description: Type of the messages.
  payload_keep:
    type: boolean
    default: false
    description: Keep the line as the Payload.
---
date and time together become the Timestamp, in UTC. The fields have the log's names, with _ for special characters: cs-uri-stem is
cs_uri_stem, cs(User-Agent) is cs_User_Agent. Values of "-" are omitted. Lines that begin with # are not records. They go to the dead
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
