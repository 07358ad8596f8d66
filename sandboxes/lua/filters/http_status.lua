--[[
---
name: http_status
kind: filter
summary: Builds a graph of HTTP statuses by class and alerts on anomalies.
ticker_interval: 60
preserve_data: true
config:
  sec_per_row:
    type: integer
    default: 60
    description: Seconds per row of the graph.
  rows:
    type: integer
    default: 1440
    description: Number of rows in the graph.
  status_field:
    type: string
    default: status
    description: Name of the field with the status.
  anomaly_config:
    type: string
    description: Anomaly detection in the syntax of the module anomaly, for the payload HTTP Status.
  alert_throttle:
    type: integer
    default: 3600
    description: Minimum seconds between two alerts.
  preservation_version:
    type: integer
    default: 0
    description: Increase it when rows or sec_per_row change, to start with an empty graph.
---
Columns: HTTP_100, HTTP_200, HTTP_300, HTTP_400, HTTP_500, HTTP_UNKNOWN. Every tick emits the payload `cbuf` named HTTP Status. An
anomaly emits the payload `alert` and adds an annotation to the graph.

    filters:
      statuses:
        type: http_status
        message_matcher: Type == "nginx.access"
        config: {anomaly_config: 'roc("HTTP Status", 2, 15, 0, 1.5, true, false) mww_nonparametric("HTTP Status", 5, 15, 10, 0.8)'}
--]]

local alert = require "alert"
local annotation = require "annotation"
local anomaly = require "anomaly"
local circular_buffer = require "circular_buffer"

local rows, sec_per_row = read_config "rows", read_config "sec_per_row"
local variable = "Fields[" .. read_config "status_field" .. "]"
local anomalies = anomaly.parse_config(read_config "anomaly_config")
local TITLE, UNKNOWN = "HTTP Status", 6

_PRESERVATION_VERSION = read_config "preservation_version"

statuses = circular_buffer.new(rows, UNKNOWN, sec_per_row)
for class = 1, 5 do statuses:set_header(class, ("HTTP_%d00"):format(class)) end
statuses:set_header(UNKNOWN, "HTTP_UNKNOWN")

alert.set_throttle(read_config "alert_throttle" * 1e9)

function process_message()
  local status = tonumber(read_message(variable))
  local class = status and status >= 100 and status < 600 and math.floor(status / 100) or UNKNOWN
  statuses:add(read_message "Timestamp", class, 1)
  return 0
end

function timer_event(ns)
  if anomalies then
    local text, notes = anomaly.detect(ns, TITLE, statuses, anomalies)
    if text then
      annotation.concat(TITLE, notes)
      annotation.set_prune(TITLE, rows * sec_per_row * 1e9)
      alert.send(ns, text)
    end
  end
  local notes = annotation.prune(TITLE, ns)
  if notes then add_to_payload(notes) end
  inject_payload("cbuf", TITLE, statuses)
end
