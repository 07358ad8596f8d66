--[[
Grammars for access logs, built from the server's format string.

For a declared grammar, which is the fastest way:

    local clf = require "common_log_format"
    declare_grammar {type = "nginx.access", alternatives = clf.nginx_items(read_config "log_format")}

- `nginx_items(log_format [, escape])`, `apache_items(log_format)`: the alternatives.
  escape: the escape of the log_format (default, json, none). The
  request line is split into request_method, request_uri and server_protocol.
  If it cannot be split, it becomes the single field request.

As in Heka, for a decoder with process_message:

    local fields = clf.build_nginx_grammar(log_format):match(read_message "Payload")

- `build_nginx_grammar(log_format)`, `build_apache_grammar(log_format)`: an LPEG
  pattern that captures a table of fields with the names of nginx's variables.
  `time` is in nanoseconds; fields with a unit or a kind are
  {value=, representation=}; lists of upstream servers are arrays.
- `nginx_error_grammar`: an error log line as a message table.
- `nginx_error_items()`: the alternatives of a declared grammar for the error log:
  Timestamp, Severity, Pid, Payload, tid, connection, and the values after the
  message: client, server, request, upstream, host, referrer.
- `normalize_user_agent(text)` -> browser, version, operating system.

`log_format` is the text from the server's configuration, or one of the names
`combined`, and for Apache `common`, `combined`, `vhost_combined`.
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local ip_address = require "ip_address"
local items = require "log_format_items"
local tokens = require "log_format_tokens"
local user_agent = require "user_agent"

local error, ipairs, tonumber, type = error, ipairs, tonumber, type
local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {normalize_user_agent = user_agent.normalize}

local ESCAPES = {default = true, json = true, none = true}

function M.nginx_items(log_format, escape)
  if escape and not ESCAPES[escape] then error("log_format: escape is default, json or none, not " .. escape, 2) end
  return items.alternatives(tokens.nginx(log_format), escape == "json", escape == "json")
end

function M.apache_items(log_format)
  return items.alternatives(tokens.apache(log_format), true)
end

-- ------------------------------------------------------ grammars of tables --

local digits = R"09"^1
local integer = digits / tonumber
local decimal = digits * (P"." * digits)^-1
local double = decimal / tonumber
local hexadecimal = R("09", "af", "AF")^1 / function(text) return tonumber(text, 16) end

local HOSTS = {
  remote_addr = true, server_addr = true, server_name = true, host = true, hostname = true,
  proxy_protocol_addr = true,
}
local NUMBERS = {integer = integer, double = double, hex = hexadecimal}

local EPOCH_UNITS = {epoch_s = "s", epoch_ms = "ms", epoch_us = "us"}

local function time_grammar(kind)
  if kind == "clf" then return date_time.clf_timestamp / date_time.time_to_ns end
  if kind == "rfc3339" then return date_time.rfc3339 / date_time.time_to_ns end
  local unit = EPOCH_UNITS[kind]
  if unit then
    return decimal / function(text) return date_time.epoch_to_ns(text, unit) end
  end
  return date_time.build_strftime_grammar(kind) / date_time.time_to_ns
end

-- The pattern of a value without its own grammar: everything up to the following
-- text. A backslash can escape a quote.
local function text_grammar(following)
  if type(following) ~= "string" then return (1 - S" \n")^0 end
  if following:sub(1, 1) == '"' then
    return (P"\\" * P(1) + (1 - S'"\\'))^0
  end
  return (1 - P(following))^0
end

local function upstream_grammar(token, following)
  local separator = P", " + " : "
  local ends = type(following) == "string" and following:sub(1, 1) or ""
  local one = C((1 - S(ends .. ", \n"))^1)
  if token.kind ~= "string" then one = NUMBERS[token.kind] + P"-" * Cc(0) end
  return Ct(one * (separator * one)^0)
end

local function with_unit(grammar, representation)
  return Ct(Cg(grammar, "value") * Cg(Cc(representation), "representation"))
end

local function host_grammar(following)
  return ip_address.v4_field + ip_address.v6_field
    + Ct(Cg(text_grammar(following), "value") * Cg(Cc"hostname", "representation"))
end

local function value_grammar(token, following)
  if token.list then
    local list = upstream_grammar(token, following)
    return token.representation and with_unit(list, token.representation) or list
  end
  if token.kind == "time" then return time_grammar(token.time) end
  if HOSTS[token.name] then return host_grammar(following) end
  local number = NUMBERS[token.kind]
  if number and token.often_absent then number = number + P"-" * Cc(0) end
  if number and token.representation then return with_unit(number, token.representation) end
  return number or C(token.fixed or text_grammar(following))
end

local FRACTIONS = {msec_frac = true, usec_frac = true}

local function token_grammar(token, following)
  if type(token) == "string" then return P(token) end
  if FRACTIONS[token.name] then
    return Cg(digits / function(text) return tonumber("0." .. text) end, "sec_frac")
  end
  local name = token.kind == "time" and "time" or token.name
  return Cg(value_grammar(token, following), name)
end

local function table_grammar(list)
  local grammar = P(true)
  for i, token in ipairs(list) do
    grammar = grammar * token_grammar(token, list[i + 1])
  end
  return Ct(grammar)
end

function M.build_nginx_grammar(log_format)
  return table_grammar(tokens.nginx(log_format))
end

function M.build_apache_grammar(log_format)
  return table_grammar(tokens.apache(log_format))
end

-- -------------------------------------------------------- nginx error log --

local SEVERITIES = {
  emerg = 0, alert = 1, crit = 2, error = 3, warn = 4, notice = 5, info = 6, debug = 7,
}

local severity_name = P"emerg" + "alert" + "crit" + "error" + "warn" + "notice" + "info" + "debug"
local severity = severity_name / SEVERITIES
local error_fields = Ct(
  Cg(integer, "tid") * ": " * (P"*" * Cg(integer, "connection") * " ")^-1)

M.nginx_error_grammar = Ct(
  Cg(date_time.build_strftime_grammar"%Y/%m/%d %H:%M:%S" / date_time.time_to_ns, "Timestamp")
  * " [" * Cg(severity, "Severity") * "] "
  * Cg(integer, "Pid") * "#" * Cg(error_fields, "Fields")
  * Cg(C(P(1)^0), "Payload"))

local error_time = date_time.build_strftime_grammar "%Y/%m/%d %H:%M:%S"
local clock = R"09"^4 * "/" * R"09"^2 * "/" * R"09"^2 * " " * (R"09" + ":")^1

-- The values after the message, each optional, in nginx's order.
local CONTEXT = {"client", "server", "request", "subrequest", "upstream", "host", "referrer"}
local context_start = P", client: "

local function context_item(name)
  local text = (1 - (P", " * R"az"^1 * ": ") - P"\n")^0
  if name == "client" or name == "server" then return {optional = {", " .. name .. ": ", {name = name, grammar = text}}} end
  return {optional = {", " .. name .. ': "', {name = name, grammar = (1 - S'"\n')^0}, '"'}}
end

local function error_line(with_context)
  local message = (1 - P"\n")^0
  local items_list = {
    {name = "Timestamp", grammar = clock, transform = function(text) return date_time.time_to_ns(error_time:match(text)) end},
    " [",
    {name = "Severity", grammar = severity_name, type = "integer", transform = function(text) return SEVERITIES[text] end}, "] ",
    {name = "Pid", grammar = digits, type = "integer"}, "#", {name = "tid", grammar = digits, type = "integer"}, ": ",
    {optional = {"*", {name = "connection", grammar = digits, type = "integer"}, " "}},
  }
  if not with_context then
    items_list[#items_list + 1] = {name = "Payload", grammar = message}
    return items_list
  end
  items_list[#items_list + 1] = {name = "Payload", grammar = (1 - context_start - P"\n")^0}
  for _, name in ipairs(CONTEXT) do items_list[#items_list + 1] = context_item(name) end
  return items_list
end

function M.nginx_error_items() return {error_line(true), error_line(false)} end

return M
