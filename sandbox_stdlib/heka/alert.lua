--[[
Alerts as messages, with a throttle for each kind of alert.

    local alert = require "heka.alert"
    if rate > alert.get_threshold "rate" and not alert.throttled "rate" then
      alert.send("rate", "high rate", "it is " .. rate)
    end

The script's option `alert` configures it, a table:

    alert:
      disabled: false      # true: no alerts
      prefix: false        # true: summary and detail begin with the sender
      throttle: 90         # minutes between two alerts of one id
      modules:             # the recipients; each key becomes a field such as email.recipients
        email: {recipients: [ops@example.com]}
      thresholds:          # values for the script by id; "*" is the default
        rate: 100

- `send(id, summary, detail [, throttle])` -> true if it was sent. The message has the Type alert, Severity 1, `detail` as
  Payload, and the fields id, summary, and those of `modules`. `throttle`: minutes, instead of the option's.
- `throttled(id [, throttle])` -> true if an alert would be throttled now
- `get_threshold(id)` -> the threshold of an id, else that of "*"; `thresholds`: the table of thresholds
- `get_dashboard_uri(id [, extension = "cbuf"])` -> the URI of an output of this script

Source: the API of Hindsight's module. The times of the alerts are in the global _ALERT_TIMES, so that they are preserved.
--]]

local os = require "os"
local table = require "table"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local globals, inject_message, read_config = _G, inject_message, read_config -- luacheck: ignore 113

local options = read_config "alert"
if type(options) ~= "table" then error("heka.alert: the option alert must be a table", 0) end

local function option(name, kind, default)
  local value = options[name]
  if value == nil then value = default end
  if type(value) ~= kind then error("heka.alert: alert." .. name .. " must be a " .. kind, 0) end
  return value
end

local disabled, prefix = option("disabled", "boolean", false), option("prefix", "boolean", false)
local throttle_minutes = option("throttle", "number", 90)
local recipients = {}

local function sorted_keys(of)
  local keys = {}
  for key in pairs(of) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- email: {recipients: [a]} becomes the field email.recipients, with addresses in <>, as Hindsight's outputs expect.
local function add_fields(module, settings)
  if type(settings) ~= "table" then error("heka.alert: alert.modules." .. module .. " must be a table", 0) end
  for _, key in ipairs(sorted_keys(settings)) do
    local value = settings[key]
    if module == "email" and key == "recipients" and type(value) == "table" then
      for i, address in ipairs(value) do value[i] = "<" .. address .. ">" end
    end
    recipients[#recipients + 1] = {name = module .. "." .. key, value = value}
  end
end

local modules = option("modules", "table")
for _, module in ipairs(sorted_keys(modules)) do add_fields(module, modules[module]) end
if not disabled and not recipients[1] then error("heka.alert: alert.modules has no recipients", 0) end

globals._ALERT_TIMES = globals._ALERT_TIMES or {}

local M = {thresholds = option("thresholds", "table", {})}

function M.get_threshold(id)
  local found = M.thresholds[id]
  if found ~= nil then return found end
  return M.thresholds["*"]
end

function M.throttled(id, throttle)
  local seconds = 60 * (type(throttle) == "number" and throttle or throttle_minutes)
  local last = globals._ALERT_TIMES[id]
  return last ~= nil and seconds ~= 0 and os.time() - last <= seconds
end

local function fields_of(id, summary)
  local fields = {{name = "id", value = id}, {name = "summary", value = summary}}
  for _, field in ipairs(recipients) do fields[#fields + 1] = field end
  return fields
end

function M.send(id, summary, detail, throttle)
  if disabled or summary == nil or summary == "" or M.throttled(id, throttle) then return false end
  if prefix then
    summary = ("Hekate [%s#%s] - %s"):format(read_config "Logger", id, summary)
    detail = ("Hostname: %s\nPid: %d\n\n%s\n"):format(read_config "Hostname", read_config "Pid", detail)
  end
  inject_message {Type = "alert", Severity = 1, Payload = detail, Fields = fields_of(id, summary)}
  globals._ALERT_TIMES[id] = os.time()
  return true
end

local function plain(text) return (text:gsub("[^%w%.]", "_")) end

function M.get_dashboard_uri(id, extension)
  local is_graph = extension == nil or extension == "cbuf"
  local place = is_graph and "graphs/%s.%s.html" or "%s.%s." .. plain(extension)
  return ("https://%s/dashboard_output/" .. place):format(read_config "Hostname", plain(read_config "Logger"), plain(id))
end

return M
