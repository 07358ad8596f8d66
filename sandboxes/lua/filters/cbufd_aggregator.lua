--[[
---
name: cbufd_aggregator
kind: filter
summary: Aggregates the graphs of many hosts from their cbufd deltas.
message_matcher: Fields[payload_type] == "cbufd"
ticker_interval: 60
preserve_data: true
limits:
  memory_limit: 33554432
  max_timer_inject: 100
config:
  enable_delta:
    type: boolean
    default: false
    description: Emit the changes as cbufd, for a higher-level aggregator, instead of the graphs.
  anomaly_config:
    type: string
    description: Anomaly detection by payload name, in the syntax of the module anomaly.
  max_graphs:
    type: integer
    default: 50
    description: Maximum number of graphs; others are refused.
  preservation_version:
    type: integer
    default: 0
    description: Increase it when the structure of the graphs changes, to start with empty ones.
---
It keeps one graph for each payload_name, with the structure of its first message. Columns with aggregation sum are added up; those
with min and max keep the minimum and maximum. Every tick emits all graphs as payloads.

    filters:
      all_hosts: {type: cbufd_aggregator, config: {enable_delta: false}}
--]]

local alert = require "alert"
local annotation = require "annotation"
local anomaly = require "anomaly"
local cbufd = require "cbufd"
local circular_buffer = require "circular_buffer"
local cjson = require "cjson"

local format = read_config "enable_delta" and "cbufd" or "cbuf"
local anomalies = anomaly.parse_config(read_config "anomaly_config")
local max_graphs, own_name = read_config "max_graphs", read_config "Logger"

_PRESERVATION_VERSION = read_config "preservation_version"

graphs = {}               -- payload_name -> circular buffer
graph_count = 0

-- Creates a graph from the header of a cbufd text. Returns nil and a reason if the header is not valid.
local function new_graph(text)
  local ok, header = pcall(cjson.decode, text:match "^[^\n]*")
  if not ok or type(header) ~= "table" or type(header.column_info) ~= "table" then return nil, "the header is not JSON" end
  local created, graph = pcall(circular_buffer.new, header.rows, header.columns, header.seconds_per_row, format == "cbufd")
  if not created then return nil, graph end
  for column, info in ipairs(header.column_info) do
    local fits, why = pcall(graph.set_header, graph, column, info.name, info.unit, info.aggregation)
    if not fits then return nil, why end
  end
  return graph
end

local function graph_of(name, text)
  if graphs[name] then return graphs[name] end
  if graph_count >= max_graphs then return nil, "more than max_graphs" end
  local graph, why = new_graph(text)
  if graph then graphs[name], graph_count = graph, graph_count + 1 end
  return graph, why
end

function process_message()
  if read_message "Logger" == own_name then return 0 end
  local name, text = read_message "Fields[payload_name]", read_message "Payload"
  if not name then return -1, "no payload_name" end
  local graph, why = graph_of(name, text)
  if not graph then return -1, why end
  local rows, reason = cbufd.add(graph, text)
  if not rows then return -1, reason end
  return 0
end

local function detect(ns, name, graph)
  local text, notes = anomaly.detect(ns, name, graph, anomalies)
  if text then
    annotation.concat(name, notes)
    alert.send(ns, text)
  end
end

function timer_event(ns)
  local names = {}
  for name in pairs(graphs) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local graph = graphs[name]
    if anomalies then detect(ns, name, graph) end
    local text = tostring(graph:format(format))
    local notes = format == "cbuf" and annotation.prune(name, ns)
    if notes then add_to_payload(notes) end
    if text ~= "" then inject_payload(format, name, text) end
  end
end
