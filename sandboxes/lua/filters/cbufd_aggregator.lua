--[[
---
name: cbufd_aggregator
kind: filter
summary: Adds up the graphs of many hosts, from the changes that they send as cbufd.
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
    description: Whether what has changed is put out as cbufd, for an aggregator further up, instead of the graph.
  anomaly_config:
    type: string
    description: What is an anomaly, in the language of the module anomaly, by the names of the payloads.
  max_graphs:
    type: integer
    default: 50
    description: How many graphs are kept at most; others are refused.
  preservation_version:
    type: integer
    default: 0
    description: Raise it when the graphs change their form, to begin with empty ones.
---
One graph for each payload_name, of the form that its first message says. Columns that are aggregated by sum are added up; of min and
max the least and the greatest are kept. Every tick gives all graphs as payloads.

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

-- a graph as the header of a cbufd text describes it; nil and why if that is none
local function new_graph(text)
  local ok, header = pcall(cjson.decode, text:match "^[^\n]*")
  if not ok or type(header) ~= "table" or type(header.column_info) ~= "table" then return nil, "the header is no JSON" end
  local made, graph = pcall(circular_buffer.new, header.rows, header.columns, header.seconds_per_row, format == "cbufd")
  if not made then return nil, graph end
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
  local rows, fault = cbufd.add(graph, text)
  if not rows then return -1, fault end
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
