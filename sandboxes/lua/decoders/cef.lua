--[[
---
name: cef
kind: decoder
summary: Decodes events in the Common Event Format (CEF) of ArcSight.
config:
  type:
    type: string
    default: cef
    description: Type of the messages.
  labels:
    type: boolean
    default: true
    description: 'Name a custom field by its label: cs1=x cs1Label=user becomes the field user.'
---
CEF:0|Vendor|Product|1.0|100|Worm stopped|10|src=10.0.0.1 msg=two words

gives the fields device_vendor, device_product, device_version, device_event_class_id, name, and those of the extension. msg becomes
the Payload. The event's severity, 0 to 10, becomes a syslog severity. A syslog header before the event becomes Fields[prefix].

    inputs:
      firewall: {type: udp, address: 127.0.0.1:5140, decoder: cef}
--]]

local cef = require "cef"

local message_type, labels = read_config "type", read_config "labels"
local NAMES = {"prefix", "device_vendor", "device_product", "device_version", "device_event_class_id", "name", "severity"}

function process_message()
  local event = cef.grammar:match(read_message "Payload")
  if not event then return -1, "not a CEF event" end
  local fields = labels and cef.labelled(event.extension) or event.extension
  local payload = fields.msg
  fields.msg = nil
  for _, name in ipairs(NAMES) do fields[name] = event[name] end
  inject_message {
    Type = message_type, Severity = cef.severity_of(event.severity), Payload = payload or "", Fields = fields,
  }
  return 0
end
