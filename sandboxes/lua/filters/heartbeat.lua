--[[
---
name: heartbeat
kind: filter
summary: Alerts when a host stops sending messages, and when it resumes.
ticker_interval: 10
preserve_data: true
limits:
  memory_limit: 16777216
  output_limit: 458752
  max_message_size: 491520
  max_timer_inject: 100
config:
  heartbeat_timeout:
    type: integer
    default: 30
    description: Seconds of silence after which a host is missing.
  alert_throttle:
    type: integer
    default: 300
    description: Minimum seconds between two alerts of one host.
  variable:
    type: string
    default: Hostname
    description: Variable that identifies a host, a header or Fields[name].
  forget_after_s:
    type: integer
    default: 604800
    description: Seconds of silence after which a host is removed.
  max_hosts:
    type: integer
    default: 10000
    description: Maximum number of hosts; further ones are ignored.
---
message_matcher selects the messages that count as a heartbeat. The time is that of the messages, or of the clock if it is ahead.

    filters:
      alive:
        type: heartbeat
        message_matcher: Type == "heartbeat"
        config: {heartbeat_timeout: 60}

When a host goes missing or comes back, the filter emits a message of Type heka.sandbox.heartbeat with Severity 1 or 5, the fields
host, status (missing or alive) and last_seen, and a text as Payload. Every tick emits the payload `tsv` named Heartbeats: host,
seconds since the last message, status. The text is limited to 440 KiB; its last line then has the number of omitted hosts:
(others), number, left out.
--]]

_PRESERVATION_VERSION = 1

hosts = {}                -- host -> {last_ns = , alive = , alerted_ns = }
host_count = 0

local NS_PER_S = 1e9

local timeout_ns = read_config "heartbeat_timeout" * NS_PER_S
local throttle_ns = read_config "alert_throttle" * NS_PER_S
local forget_ns = read_config "forget_after_s" * NS_PER_S
local variable, max_hosts = read_config "variable", read_config "max_hosts"
local MAX_NAME_BYTES = 512
local MAX_TEXT_BYTES = 440 * 1024 -- below output_limit, with room for the last line
local MAX_ALERTS = 90     -- per tick; the rest waits for the next tick

function process_message()
  local name = read_message(variable)
  if name == nil or name == "" then return -1, "no " .. variable end
  name = tostring(name)
  local ns, host = read_message "Timestamp", hosts[name]
  if not host then
    if #name > MAX_NAME_BYTES then return -1, variable .. " has more than " .. MAX_NAME_BYTES .. " bytes" end
    if host_count >= max_hosts then return 0 end
    host = {last_ns = ns, alive = true, alerted_ns = -math.huge}
    hosts[name], host_count = host, host_count + 1
  elseif ns > host.last_ns then
    host.last_ns = ns
  end
  return 0
end

local function send_alert(name, host, status, ns)
  host.alive, host.alerted_ns = status == "alive", ns
  local seconds = math.floor((ns - host.last_ns) / NS_PER_S)
  inject_message {
    Type = "heartbeat", Timestamp = ns, Severity = status == "alive" and 5 or 1,
    Payload = status == "alive" and name .. " is back" or ("%s has been silent for %d s"):format(name, seconds),
    Fields = {
      {name = "host", value = name}, {name = "status", value = status},
      {name = "last_seen", value = host.last_ns, value_type = 2, representation = "ns"},
    },
  }
end

local function sorted_names()
  local names = {}
  for name in pairs(hosts) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Sends an alert if the status of a host has changed and the limits allow it. Returns the new number of alerts.
local function check_host(name, host, ns, alerts)
  local is_missing = ns - host.last_ns > timeout_ns
  local may_send = alerts < MAX_ALERTS and (not host.alive or ns - host.alerted_ns >= throttle_ns)
  if is_missing ~= host.alive or not may_send then return alerts end
  send_alert(name, host, is_missing and "missing" or "alive", ns)
  return alerts + 1
end

local function row(name, silence_ns)
  local seconds = math.max(0, math.floor(silence_ns / NS_PER_S))
  return ("%s\t%d\t%s\n"):format(name, seconds, silence_ns > timeout_ns and "missing" or "alive")
end

function timer_event(ns)
  local alerts, bytes, omitted = 0, 0, 0
  for _, name in ipairs(sorted_names()) do
    local host = hosts[name]
    local silence_ns = ns - host.last_ns
    if silence_ns > forget_ns then
      hosts[name], host_count = nil, host_count - 1
    else
      alerts = check_host(name, host, ns, alerts)
      local text = row(name, silence_ns)
      bytes = bytes + #text
      if bytes <= MAX_TEXT_BYTES then add_to_payload(text) else omitted = omitted + 1 end
    end
  end
  if omitted > 0 then add_to_payload("(others)\t", omitted, "\tleft out\n") end
  inject_payload("tsv", "Heartbeats")
end
