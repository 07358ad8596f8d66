--[[
Changes the table of a message before it is injected. Each function takes the table, with Fields by name, and a field name.

- `set_uuid`, `set_timestamp`, `set_logger`, `set_hostname`, `set_type`, `set_envversion`, `set_payload`, `set_severity`,
  `set_pid`: the field becomes the header
- `remove_payload(message)`
- `add_normalized_user_agent(message, field)`: adds field_browser, field_version and field_os. The script's option `lpeg_heka`
  can set `user_agent_normalized_field_name`, to replace the field's name, and `user_agent_remove: true`.

Source: the API of Hindsight's module.
--]]

local user_agent = require "user_agent"

local pairs, type = pairs, type
local options = read_config "lpeg_heka"
if type(options) ~= "table" then options = {} end

local M = {}

local HEADERS = {
  uuid = "Uuid", timestamp = "Timestamp", logger = "Logger", hostname = "Hostname", type = "Type", envversion = "EnvVersion",
  payload = "Payload", severity = "Severity", pid = "Pid",
}
for name, header in pairs(HEADERS) do
  M["set_" .. name] = function(message, field)
    message[header], message.Fields[field] = message.Fields[field], nil
  end
end

function M.remove_payload(message) message.Payload = nil end

function M.add_normalized_user_agent(message, field)
  local text = message.Fields[field]
  if type(text) ~= "string" then return end
  local name = options.user_agent_normalized_field_name or field
  local browser, version, system = user_agent.normalize(text)
  local fields = message.Fields
  fields[name .. "_browser"], fields[name .. "_version"], fields[name .. "_os"] = browser, version, system
  if browser and options.user_agent_remove then fields[field] = nil end
end

return M
