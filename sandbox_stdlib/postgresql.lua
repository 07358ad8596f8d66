--[[
Grammar for PostgreSQL logs, built from the server's log_line_prefix.

    local postgresql = require "postgresql"
    declare_grammar {type = "postgresql", alternatives = postgresql.items "%m [%p] %q%u@%d "}

- `items([prefix])`, `build_grammar([prefix])`: the alternatives of a declared grammar; an LPEG pattern that captures
  a table. prefix: the setting log_line_prefix; default "%m [%p] "
- `severity_of(name)` -> syslog severity: PANIC 0, FATAL 2, ERROR 3, WARNING 4, NOTICE and LOG 6, INFO 6, DEBUG1-5 7;
  DETAIL, HINT, CONTEXT, STATEMENT and QUERY lines 6

Fields: those of the prefix (application_name %a, user %u, database %d, remote_host %r and remote_port, host %h,
backend_type %b, Pid %p, leader_pid %P, Timestamp from %t, %m or %n, command %i, sql_state %e, session %c, line %l,
session_start %s, virtual_transaction %v, transaction %x, query_id %Q), Severity, level, Payload, and for statements
that took long duration (ms) and statement.

With %q, lines of processes without a session, which end there, are accepted too. The splitter must keep a message of
several lines together.

Source: PostgreSQL documentation, 20.8 "Error Reporting and Logging".
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local positional = require "positional"

local error, ipairs = error, ipairs
local P, R, S = lpeg.P, lpeg.R, lpeg.S
local field, digits = positional.field, positional.digits

local M = {}

local SEVERITIES = {
  PANIC = 0, FATAL = 2, ERROR = 3, WARNING = 4, NOTICE = 6, LOG = 6, INFO = 6, DETAIL = 6, HINT = 6, CONTEXT = 6,
  STATEMENT = 6, QUERY = 6, LOCATION = 6, DEBUG = 7, DEBUG1 = 7, DEBUG2 = 7, DEBUG3 = 7, DEBUG4 = 7, DEBUG5 = 7,
}

function M.severity_of(name) return SEVERITIES[name] end

local function timestamp(text) return date_time.time_to_ns(date_time.pgsql_timestamp:match(text)) end

local date = R"09"^1 * "-" * digits * "-" * digits * " " * digits * ":" * digits * ":" * digits * (P"." * digits)^-1
local zone = P" "^-1 * (S"+-" * (R"09" + ":")^1 + R"AZ" * R("AZ", "az")^0)
local moment = date * zone^-1

local function text_field(name)
  return function(ends) return field(name, (1 - S(ends .. "\n"))^1) end
end

local function number_field(name)
  return function() return field(name, digits, "integer") end
end

local ESCAPES = {
  a = text_field "application_name", u = text_field "user", d = text_field "database", h = text_field "host",
  b = text_field "backend_type", i = text_field "command", e = text_field "sql_state", c = text_field "session",
  v = text_field "virtual_transaction", p = number_field "Pid", P = number_field "leader_pid", l = number_field "line",
  x = number_field "transaction", Q = function() return field("query_id", P"-"^-1 * digits) end,
  s = function() return field("session_start", moment) end,
  t = function() return field("Timestamp", moment, "integer", {transform = timestamp}) end,
  n = function() return field("Timestamp", digits * (P"." * digits)^-1, "timestamp:epoch_s") end,
}
ESCAPES.m = ESCAPES.t

local function remote(list, ends)
  list[#list + 1] = {optional = {field("remote_host", (1 - (S(ends .. "\n") + P"(" * digits * ")"))^1)}}
  list[#list + 1] = {optional = {"(", field("remote_port", digits, "integer"), ")"}}
end

-- Returns the items of a prefix, and the number of items before %q.
local function prefix_items(prefix)
  local list, until_q, at = {}, nil, 1
  while at <= #prefix do
    local letter, next_at = prefix:match("^%%%-?%d*(.)()", at)
    if not letter then
      list[#list + 1], next_at = prefix:match("^([^%%]+)()", at)
    elseif letter == "q" then
      until_q = #list
    elseif letter == "%" then
      list[#list + 1] = "%"
    else
      local ends = prefix:sub(next_at, next_at)
      if ends == "%" or ends == "" then ends = " " end
      if letter == "r" then
        remote(list, ends)
      elseif ESCAPES[letter] then
        list[#list + 1] = {optional = {ESCAPES[letter](ends)}}
      else
        error("log_line_prefix: unknown escape %" .. letter, 3)
      end
    end
    at = next_at
  end
  return list, until_q
end

local function level_items()
  return {
    field("Severity", R"AZ"^1 * R"09"^-1, "integer", {
      transform = M.severity_of, also = {{name = "level", type = "string"}},
    }), ":", P" "^1,
  }
end

local rest_of_line, rest_of_record = (1 - P"\n")^0, P(1)^0
local duration = field("duration", positional.number, "double", {representation = "ms"})
local kind = P"statement: " + P"execute " * (1 - S":\n")^1 * ": " + P"parse " * (1 - S":\n")^1 * ": "
  + P"bind " * (1 - S":\n")^1 * ": "

local function lines(prefix, rest)
  local slow = {"duration: ", duration, " ms", {optional = {P" "^1, kind, field("statement", rest)}}}
  return {
    positional.concat(prefix, level_items(), slow),
    positional.concat(prefix, level_items(), {field("Payload", rest)}),
  }
end

function M.items(prefix)
  local list, until_q = prefix_items(prefix or "%m [%p] ")
  local short
  if until_q then
    short = {}
    for i = 1, until_q do short[i] = list[i] end
  end
  -- Records of several lines come last: a pattern that accepts any byte must not be tried while there are lines to split.
  local alternatives = {}
  for _, rest in ipairs{rest_of_line, rest_of_record} do
    alternatives = positional.concat(alternatives, lines(list, rest), short and lines(short, rest) or {})
  end
  return alternatives
end

function M.build_grammar(prefix) return positional.table_grammar(M.items(prefix)) end

return M
