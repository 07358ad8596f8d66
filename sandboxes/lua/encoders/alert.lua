--[[
---
name: alert
kind: encoder
summary: Writes alerts as readable text.
config:
  separator:
    type: string
    default: "\n"
    description: Text between two alerts.
---
For messages of the modules alert and heka.alert, and for any other message. It writes time, host, Logger and the Payload.

    outputs:
      alerts:
        type: console
        message_matcher: Fields[payload_type] == "alert"
        encoder: alert
--]]

local separator = read_config "separator"

local function line(name, value)
  if value ~= nil and value ~= "" then add_to_payload(name, ": ", value, "\n") end
end

function process_message()
  line("Time", os.date("!%Y-%m-%dT%H:%M:%SZ", math.floor(read_message "Timestamp" / 1e9)))
  line("Host", read_message "Hostname")
  line("Plugin", read_message "Logger")
  line("Alert", read_message "Fields[summary]")
  local text = read_message "Payload"
  add_to_payload(text, text:sub(-1) ~= "\n" and "\n" or "", separator)
  inject_payload()
  return 0
end
