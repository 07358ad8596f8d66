--[[
Grammar for the logs of HAProxy (option httplog and option tcplog), without the syslog header.

    declare_grammar {type = "haproxy", alternatives = require "haproxy".items()}

- `items()`: the alternatives of a declared grammar: HTTP, TCP, errors of connections
- `grammar`: captures the same fields as a table, the Timestamp in ns

Fields: client_addr, client_port, Timestamp (UTC is assumed: HAProxy writes no zone), frontend_name, backend_name,
server_name, request_time, queue_time, connect_time, response_time, total_time (ms; -1 as HAProxy writes it), status,
body_bytes_sent, captured_request_cookie, captured_response_cookie, termination_state, connections_active,
connections_frontend, connections_backend, connections_server, retries, queue_server, queue_backend,
captured_request_headers, captured_response_headers, request_method, request_uri, server_protocol (or request, if it
is not valid); message for errors. Values of "-" are omitted.

Source: HAProxy's configuration manual, section 8.2 "Log formats".
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local positional = require "positional"

local tonumber = tonumber
local P, R, S = lpeg.P, lpeg.R, lpeg.S
local concat, field, maybe = positional.concat, positional.field, positional.maybe
local digits, rest = positional.digits, positional.rest

local M = {}

local word = (1 - S" /\n")^1
local name = (1 - S" \n/")^1
local known = word - P"- "

local function ms(of) return field(of, P"-"^-1 * digits, "integer", {representation = "ms"}) end
local function count(of) return field(of, digits, "integer") end

local time_parts = date_time.build_strftime_grammar "%d/%b/%Y:%H:%M:%S.%f"
local clock = R"09" * R"09" * "/" * R"AZ" * R"az" * R"az" * "/" * digits * ":" * digits * ":" * digits * ":" * digits
  * "." * digits

-- A "+" marks a value that option logasap truncated, or a count of redispatched connections.
local function without_plus() return {transform = function(text) return tonumber((text:gsub("%+", ""))) end} end

local function total(of, unit)
  local more = without_plus()
  more.representation = unit
  return field(of, P"+"^-1 * P"-"^-1 * digits, "integer", more)
end

local function client()
  return {
    field("client_addr", (1 - (S" \n" + P":" * digits * " ["))^1), ":", field("client_port", digits, "integer"), " [",
    {name = "Timestamp", grammar = clock, type = "integer", transform = function(text)
      return date_time.time_to_ns(time_parts:match(text))
    end}, "] ",
  }
end

local function ends()
  return {
    field("frontend_name", (1 - S" \n")^1), " ", field("backend_name", name), "/", field("server_name", (1 - S" \n")^1), " ",
  }
end

local function counters()
  return {
    count"connections_active", "/", count"connections_frontend", "/", count"connections_backend", "/",
    count"connections_server", "/", field("retries", P"+"^-1 * digits, "integer", without_plus()), " ",
    count"queue_server", "/", count"queue_backend",
  }
end

local function headers()
  local braces = (1 - S"}\n")^0
  return {
    {optional = {" {", field("captured_request_headers", braces), "}"}},
    {optional = {" {", field("captured_response_headers", braces), "}"}},
  }
end

local function maybe_items(item) return {maybe(item)} end

local function http_line(request)
  return concat(client(), ends(), {
    ms"request_time", "/", ms"queue_time", "/", ms"connect_time", "/", ms"response_time", "/", total("total_time", "ms"), " ",
    field("status", P"-"^-1 * digits, "integer"), " ", total("body_bytes_sent", "B"), " ",
  }, maybe_items(field("captured_request_cookie", known)), {" "},
    maybe_items(field("captured_response_cookie", known)), {" ", field("termination_state", word), " "},
    counters(), headers(), {' "'}, request, {'"'})
end

local function tcp_line()
  return concat(client(), ends(), {
    ms"queue_time", "/", ms"connect_time", "/", total("total_time", "ms"), " ", total("body_bytes_sent", "B"), " ",
    field("termination_state", word), " ",
  }, counters())
end

local function error_line()
  return concat(client(), {
    field("frontend_name", name), "/", field("bind_name", (1 - S" \n:")^1), ": ", field("message", rest),
  })
end

local part = (1 - S' "\n')^1
local request_parts = {
  field("request_method", R"AZ"^1), " ", field("request_uri", part), {optional = {" ", field("server_protocol", part)}},
}

function M.items()
  return {http_line(request_parts), http_line{field("request", (1 - S'"\n')^0)}, tcp_line(), error_line()}
end

M.grammar = positional.table_grammar(M.items())

return M
