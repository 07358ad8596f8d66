--[[
---
name: heartbeat
kind: filter
summary: Alerts when a host that used to send messages has fallen silent, and when it is back.
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
    description: Least seconds between two alerts of one host.
  variable:
    type: string
    default: Hostname
    description: What tells the hosts apart, a header or Fields[name].
  forget_after_s:
    type: integer
    default: 604800
    description: Seconds of silence after which a host is forgotten.
  max_hosts:
    type: integer
    default: 10000
    description: How many hosts are watched at most; further ones are not.
---
Match with message_matcher what counts as a sign of life. Time is that of the messages, or the clock's when it is ahead.

    filters:
      alive:
        type: heartbeat
        message_matcher: Type == "heartbeat"
        config: {heartbeat_timeout: 60}

A host that is missing, or back, gives a message of Type heka.sandbox.heartbeat with Severity 1 or 5, the fields host, status (missing or
alive) and last_seen, and a text as Payload. Every tick gives the payload `tsv` named Heartbeats: host, seconds since it was last
seen, status. If that is more than 440 KiB, the last line says how many hosts it lacks: (others), their number, left out.
--]]

_PRESERVATION_VERSION = 1

hosts = {}                -- host -> {last_ns = , alive = , alerted_ns = }
host_count = 0

local NS_PER_S = 1e9

local timeout_ns = read_config "heartbeat_timeout" * NS_PER_S
local throttle_ns = read_config "alert_throttle" * NS_PER_S
local forget_ns = read_config "forget_after_s" * NS_PER_S
local variable, max_hosts = read_config "variable", read_config "max_hosts"
local MOST_NAME_BYTES = 512
local MOST_TEXT_BYTES = 440 * 1024 -- below output_limit, with room for the last line
local most_alerts = 90    -- in one tick; the rest waits for the next one

function process_message()
  local name = read_message(variable)
  if name == nil or name == "" then return -1, "no " .. variable end
  name = tostring(name)
  local ns, host = read_message "Timestamp", hosts[name]
  if not host then
    if #name > MOST_NAME_BYTES then return -1, variable .. " has more than " .. MOST_NAME_BYTES .. " bytes" end
    if host_count >= max_hosts then return 0 end
    host = {last_ns = ns, alive = true, alerted_ns = -math.huge}
    hosts[name], host_count = host, host_count + 1
  elseif ns > host.last_ns then
    host.last_ns = ns
  end
  return 0
end

local function tell(name, host, status, ns)
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

-- tells of a host that is missing or back, if it may; answers how many have been told of
local function watch(name, host, ns, told)
  local is_missing = ns - host.last_ns > timeout_ns
  local may_tell = told < most_alerts and (not host.alive or ns - host.alerted_ns >= throttle_ns)
  if is_missing ~= host.alive or not may_tell then return told end
  tell(name, host, is_missing and "missing" or "alive", ns)
  return told + 1
end

local function row(name, silence_ns)
  local seconds = math.max(0, math.floor(silence_ns / NS_PER_S))
  return ("%s\t%d\t%s\n"):format(name, seconds, silence_ns > timeout_ns and "missing" or "alive")
end

function timer_event(ns)
  local told, bytes, left_out = 0, 0, 0
  for _, name in ipairs(sorted_names()) do
    local host = hosts[name]
    local silence_ns = ns - host.last_ns
    if silence_ns > forget_ns then
      hosts[name], host_count = nil, host_count - 1
    else
      told = watch(name, host, ns, told)
      local text = row(name, silence_ns)
      bytes = bytes + #text
      if bytes <= MOST_TEXT_BYTES then add_to_payload(text) else left_out = left_out + 1 end
    end
  end
  if left_out > 0 then add_to_payload("(others)\t", left_out, "\tleft out\n") end
  inject_payload("tsv", "Heartbeats")
end
