-- Parses the log format strings of nginx and Apache into a list of tokens. Used through the module
-- common_log_format, which turns them into grammars. A token is
--
--   a string                    text that is in every line
--   {name=, kind=, ...}         a variable:
--     kind = "string" | "integer" | "double" | "hex" | "request" | "time"
--     representation = unit; list = true for lists of upstream servers
--     often_absent = true: "-" often replaces the number
--     fixed = pattern: determines its own end (is_args and such)
--     time = "clf" | "rfc3339" | "epoch_s" | "epoch_ms" | "epoch_us" | strftime text
--     starts = its first byte, if that is always the same
--     nullable = true: it can be empty

local lpeg = require "lpeg"

local error, ipairs, pairs, type = error, ipairs, pairs, type
local P, R, S, C, Cp, Ct = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Cp, lpeg.Ct

local M = {}

-- Predefined formats by name.
M.NGINX_FORMATS = {
  combined = [[$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent ]]
    .. [["$http_referer" "$http_user_agent"]],
}
M.APACHE_FORMATS = {
  common = [[%h %l %u %t "%r" %>s %b]],
  combined = [[%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"]],
  vhost_combined = [[%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"]],
}

-- ------------------------------------------------------------------ nginx --

local INTEGERS = {
  "connection", "connection_requests", "connections_active", "connections_reading", "connections_waiting",
  "connections_writing", "pid", "proxy_port", "proxy_protocol_port", "proxy_protocol_server_port",
  "proxy_server_port", "remote_port", "server_port", "status", "tcpinfo_rcv_space", "tcpinfo_rtt",
  "tcpinfo_rttvar", "tcpinfo_snd_cwnd",
}
local BYTE_COUNTS = {"body_bytes_sent", "bytes_sent", "bytes_received", "request_length"}
local ABSENT_BYTE_COUNTS = {"content_length", "sent_http_content_length", "upstream_http_content_length"}
local SECONDS = {"request_time", "connection_time", "session_time"}
local UPSTREAM = {
  upstream_addr = {kind = "string"},
  upstream_status = {kind = "integer"},
  upstream_bytes_received = {kind = "integer", representation = "B"},
  upstream_bytes_sent = {kind = "integer", representation = "B"},
  upstream_response_length = {kind = "integer", representation = "B"},
  upstream_connect_time = {kind = "double", representation = "s"},
  upstream_first_byte_time = {kind = "double", representation = "s"},
  upstream_header_time = {kind = "double", representation = "s"},
  upstream_queue_time = {kind = "double", representation = "s"},
  upstream_response_time = {kind = "double", representation = "s"},
  upstream_session_time = {kind = "double", representation = "s"},
}

local function nginx_variables()
  local known = {
    request = {kind = "request"},
    time_local = {kind = "time", time = "clf"},
    time_iso8601 = {kind = "time", time = "rfc3339"},
    msec = {kind = "time", time = "epoch_s"},
    gzip_ratio = {kind = "double", often_absent = true},
    is_args = {kind = "string", fixed = P"?"^-1, starts = "?", nullable = true},
    pipe = {kind = "string", fixed = S"p."},
    request_uri = {kind = "string", starts = "/"},
    uri = {kind = "string", starts = "/"},
    document_uri = {kind = "string", starts = "/"},
  }
  for _, name in ipairs(INTEGERS) do known[name] = {kind = "integer"} end
  for _, name in ipairs(BYTE_COUNTS) do known[name] = {kind = "integer", representation = "B"} end
  for _, name in ipairs(ABSENT_BYTE_COUNTS) do
    known[name] = {kind = "integer", representation = "B", often_absent = true}
  end
  for _, name in ipairs(SECONDS) do known[name] = {kind = "double", representation = "s"} end
  for name, spec in pairs(UPSTREAM) do
    spec.list, spec.often_absent = true, spec.kind ~= "string"
    known[name] = spec
  end
  return known
end

local NGINX_VARIABLES = nginx_variables()

local function named(name, spec)
  local token = {name = name}
  for key, value in pairs(spec) do token[key] = value end
  return token
end

local function nginx_variable(name)
  return named(name, NGINX_VARIABLES[name] or {kind = "string"})
end

-- ----------------------------------------------------------------- Apache --

local DIRECTIVES = {
  a = {"remote_addr"}, A = {"server_addr"}, h = {"remote_addr"},
  B = {"body_bytes_sent", kind = "integer", representation = "B"},
  b = {"body_bytes_sent", kind = "integer", representation = "B", often_absent = true},
  D = {"request_time", kind = "integer", representation = "us"},
  f = {"request_filename"}, H = {"server_protocol"}, k = {"connection_requests", kind = "integer"},
  l = {"remote_logname"}, L = {"request_log_id"}, m = {"request_method"},
  p = {"server_port", kind = "integer"}, P = {"pid", kind = "integer"},
  q = {"query_string", starts = "?", nullable = true}, r = {"request", kind = "request"}, R = {"request_handler"},
  s = {"status", kind = "integer"}, t = {"time_local", kind = "time", time = "clf", bracketed = true},
  T = {"request_time", kind = "integer", representation = "s"},
  u = {"remote_user"}, U = {"uri", starts = "/"}, v = {"server_name"}, V = {"server_name"},
  X = {"connection_status", fixed = S"X+-"},
  I = {"request_length", kind = "integer", representation = "B"},
  O = {"response_length", kind = "integer", representation = "B"},
  S = {"total_length", kind = "integer", representation = "B"},
}

local function directive(letter)
  local spec = DIRECTIVES[letter]
  if not spec then error("log_format: unknown directive %" .. letter, 0) end
  local token = named(spec[1], spec)
  token[1], token.kind = nil, token.kind or "string"
  return token
end

-- Returns the name of a header as in nginx: lower case, with _ for -.
local function header_name(prefix, name)
  return {name = prefix .. name:lower():gsub("-", "_"), kind = "string"}
end

local TIME_UNITS = {sec = "epoch_s", msec = "epoch_ms", usec = "epoch_us"}

local function time_argument(argument)
  local format = argument:gsub("^begin:", ""):gsub("^end:", "")
  if format == "msec_frac" or format == "usec_frac" then
    return {name = format, kind = "string", fixed = R"09"^1}
  end
  return {name = "time_local", kind = "time", time = TIME_UNITS[format] or format}
end

local ARGUMENTS = {
  a = function() return directive"a" end,
  h = function() return directive"h" end,
  C = function(name) return {name = "cookie_" .. name, kind = "string"} end,
  e = function(name) return {name = "env_" .. name, kind = "string"} end,
  i = function(name) return header_name("http_", name) end,
  n = function(name) return {name = "module_" .. name, kind = "string"} end,
  o = function(name) return header_name("sent_http_", name) end,
  p = function(name)
    if name == "remote" then return {name = "remote_port", kind = "integer"} end
    return directive"p"
  end,
  P = function(name)
    if name == "pid" then return directive"P" end
    return {name = "tid", kind = name == "hextid" and "hex" or "integer"}
  end,
  t = time_argument,
  T = function(name)
    return {name = "request_time", kind = "integer", representation = name}
  end,
  x = function(name) return {name = name:lower(), kind = "string"} end,
}

local function directive_with_argument(argument, letter)
  local build = ARGUMENTS[letter]
  if not build then error(("log_format: unknown directive %%{%s}%s"):format(argument, letter), 0) end
  return build(argument)
end

-- ---------------------------------------------------------------- reading --

-- Joins adjacent texts and moves the brackets of Apache's %t out of it.
local function tidy(tokens)
  local tidied = {}
  local function add(token)
    local last = tidied[#tidied]
    if type(token) == "string" and type(last) == "string" then
      tidied[#tidied] = last .. token
    elseif token ~= "" then
      tidied[#tidied + 1] = token
    end
  end
  for _, token in ipairs(tokens) do
    local bracketed = type(token) == "table" and token.bracketed
    if bracketed then add"[" end
    add(token)
    if bracketed then add"]" end
  end
  return tidied
end

local function read(pattern, log_format, what)
  -- A YAML block ends in a line break that is not part of the format.
  local text = log_format:gsub("[\r\n]+$", "")
  local tokens, at = pattern:match(text)
  if not tokens or at <= #text then
    error(("log_format: not a log format of %s from %q on: %s"):format(what, text:sub(at or 1), log_format), 0)
  end
  tokens = tidy(tokens)
  for _, token in ipairs(tokens) do
    if type(token) == "table" then return tokens end
  end
  error("log_format: there is no variable in: " .. log_format, 0)
end

local nginx_name = C(R("az", "AZ", "09", "__")^1) / nginx_variable
local nginx_format = Ct(("$" * nginx_name + "${" * nginx_name * "}" + C((1 - P"$")^1))^1) * Cp()

function M.nginx(log_format)
  return read(nginx_format, M.NGINX_FORMATS[log_format] or log_format, "nginx")
end

local ESCAPES = {t = "\t", n = "\n", ['"'] = '"', ["\\"] = "\\"}
local letter = C(R("az", "AZ"))
local condition = P"!"^-1 * R"09"^1 * ("," * R"09"^1)^0
local modifiers = condition^-1 * S"<>"^-1
local apache_text = P"\\" * C(S'tn"\\') / ESCAPES + C(P(1) - "%")
local trailer = "%" * modifiers * "{" * C((1 - P"}")^1) * "}^t" * C(S"io") / function(name, way)
  return header_name(way == "i" and "trailer_" or "sent_trailer_", name)
end
local apache_format = Ct((
  P"%%" / "%%"
  + P"%^FB" / function() return {name = "first_byte_time", kind = "integer", representation = "us", often_absent = true} end
  + trailer
  + "%" * modifiers * "{" * C((1 - P"}")^1) * "}" * S"<>"^-1 * letter / directive_with_argument
  + "%" * modifiers * letter / directive
  + apache_text)^1) * Cp()

function M.apache(log_format)
  return read(apache_format, M.APACHE_FORMATS[log_format] or log_format, "Apache")
end


return M
