--[[
---
name: cef
kind: decoder
summary: Decodes events in the Common Event Format (CEF) of ArcSight.
config:
  type:
    type: string
    default: cef
    description: The Type of the messages.
  labels:
    type: boolean
    default: true
    description: 'Whether a custom field is named by its label: cs1=x cs1Label=user is the field user.'
---
CEF:0|Vendor|Product|1.0|100|Worm stopped|10|src=10.0.0.1 msg=two words

gives the fields device_vendor, device_product, device_version, device_event_class_id, name, and those of the extension; msg is
the Payload, and the event's severity, 0 to 10, becomes that of syslog. A header of syslog in front of it is Fields[prefix].

    inputs:
      firewall: {type: udp, address: 127.0.0.1:5140, decoder: cef}
--]]

local cef = require "cef"

local message_type, labels = read_config "type", read_config "labels"
local NAMES = {"prefix", "device_vendor", "device_product", "device_version", "device_event_class_id", "name", "severity"}

function process_message()
  local event = cef.grammar:match(read_message "Payload")
  if not event then return -1, "no event of CEF" end
  local fields = labels and cef.labelled(event.extension) or event.extension
  local payload = fields.msg
  fields.msg = nil
  for _, name in ipairs(NAMES) do fields[name] = event[name] end
  inject_message {
    Type = message_type, Severity = cef.severity_of(event.severity), Payload = payload or "", Fields = fields,
  }
  return 0
end
