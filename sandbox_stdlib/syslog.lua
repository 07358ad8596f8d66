--[[
Syslog: severities, facilities, the formats of RFC 3164 and RFC 5424, rsyslog templates.

- `severity_names`, `facility_names`: lists from 0; `severities`, `facilities`: name to number
- `severity`, `facility`: LPEG patterns, a name or a number to its number
- `capture_until(name, stop)`: a pattern that captures text before `stop` as `name`; `capture_followed_by(name, stop)`
  also consumes `stop`
- `integer`, `float`: capture numbers; `notspace`: text without spaces; `commonmac`: six octets of a hardware address
- `severity_of(pri)`, `facility_of(pri)`: the parts of a priority, given as text
- `structured_data`: captures the elements of RFC 5424 as a list of
  {id, name, value, name, value, ...}
- `items(options)`: the alternatives of a declared grammar for lines of RFC 3164 and
  RFC 5424 without structured data. options.hostname: the name of the field for the
  host, or Hostname.
- `rfc5424`: captures a line of RFC 5424 as a table: pri, timestamp, hostname,
  programname, procid, msgid, structured_data, msg (values of "-" are omitted)
- `rsyslog_items(template [, options])`: the alternatives of a declared grammar for an
  rsyslog template, or for a built-in one by its name (RSYSLOG_FileFormat, ...):
  Timestamp, Severity, syslogfacility, Hostname (or options.hostname),
  programname, Pid (or procid if it is not a number), Payload; other properties under
  rsyslog's names in lower case
- `build_rsyslog_grammar(template)`: a pattern for an rsyslog template that
  captures a table, as in Heka: timestamp in ns, pri as {facility, severity},
  syslogtag as {programname, pid}, numbers as numbers, other properties as text,
  under rsyslog's names in lower case
--]]

local lpeg = require "lpeg"
local rsyslog = require "rsyslog_template"
local rsyslog_items = require "rsyslog_items"

local ipairs, tonumber = ipairs, tonumber
local C, Cg, Cs, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {build_rsyslog_grammar = rsyslog.build_grammar, rsyslog_items = rsyslog_items.items}

-- ------------------------------------------------------------------ names --

M.severity_names = rsyslog.severity_names
M.facility_names = rsyslog.facility_names
M.severities = rsyslog.severities
M.facilities = rsyslog.facilities
M.severity = rsyslog.severity
M.facility = rsyslog.facility

function M.capture_until(name, stop) return Cg(C((1 - P(stop))^0), name) end

function M.capture_followed_by(name, stop) return M.capture_until(name, stop) * P(stop) end

local octet = R("09", "af", "AF") * R("09", "af", "AF")

M.integer = P"-"^-1 * R"09"^1 / tonumber
M.float = P"-"^-1 * R"09"^1 * (P"." * R"09"^1)^-1 / tonumber
M.notspace = C((1 - S" \t\r\n")^0)
M.commonmac = C(octet * (":" * octet) * (":" * octet) * (":" * octet) * (":" * octet) * (":" * octet))

function M.severity_of(pri) return tonumber(pri) % 8 end

function M.facility_of(pri)
  local number = tonumber(pri)
  return (number - number % 8) / 8
end

-- ---------------------------------------------------------------- RFC 5424 --

local sd_name = (P(1) - S'= ]"' - R"\0\31")^1
local sd_escape = P"\\" / "" * S'"\\]'
local sd_value = '"' * Cs((sd_escape + (1 - S'"]'))^0) * '"'
local sd_element = "[" * Ct(C(sd_name) * (P" "^1 * C(sd_name) * "=" * sd_value)^0) * "]"

M.structured_data = Ct(sd_element^1)

local word = (1 - S" \n")^1
local byte_order_mark = P"\239\187\191"^-1

-- A part that is "-" if it is not known.
local function known(name) return "-" * #P" " + Cg(C(word), name) end

M.rfc5424 = Ct(
  "<" * Cg(C(R"09" * R"09"^-2), "pri") * ">1 "
  * known"timestamp" * " " * known"hostname" * " " * known"programname" * " "
  * known"procid" * " " * known"msgid" * " "
  * (Cg(M.structured_data, "structured_data") + "-")
  * (P" " * byte_order_mark * Cg(C(P(1)^0), "msg"))^-1 * -1)

-- --------------------------------------------------------- declared lines --

local digits = R"09"^1
local rest_of_line = (1 - P"\n")^0

local severity_field = {
  name = "Severity", grammar = R"09" * R"09"^-2, type = "integer", transform = M.severity_of,
  also = {{name = "syslogfacility", type = "integer", transform = M.facility_of}},
}
local pid_field = {name = "Pid", grammar = digits, type = "integer"}
local payload_field = {name = "Payload", grammar = rest_of_line, type = "string"}
local program = {name = "programname", grammar = (1 - S" :[\n")^1, type = "string"}

local RFC3164_TIME = {
  name = "Timestamp", type = "timestamp:rfc3164",
  grammar = R"AZ" * R"az" * R"az" * " " * S" 0123" * R"09" * " " * (R"09" + ":")^1,
}
local RFC3339_TIME = {name = "Timestamp", grammar = R"09" * (1 - S" \n")^1, type = "timestamp:rfc3339"}

-- A tag such as sshd[12]: with the space after it; optional as a whole.
local function tag_items()
  return {program, {optional = {"[", pid_field, "]"}}, ":", P" "^-1}
end

local function concat(...)
  local list = {}
  for _, part in ipairs{...} do
    for _, item in ipairs(part) do list[#list + 1] = item end
  end
  return list
end

local PRI = {"<", severity_field, ">"}

-- The line of most daemons. It is tried first because nothing in it is optional.
local function common_line(host)
  return concat(PRI, {
    RFC3164_TIME, " ",
    {name = host, grammar = (1 - S" :[\n")^1, type = "string"}, " ",
    program, "[", pid_field, "]: ", payload_field,
  })
end

local function traditional_line(pri, time, host)
  local no_tag = -((1 - S" :[\n")^1 * ":" * (P" " + -1 + "\n"))
  local host_field = {name = host, grammar = no_tag * (1 - S" [\n")^1, type = "string"}
  return concat(pri, {time, " ", host_field, " ", {optional = tag_items()}, payload_field})
end

-- The line that programs write to the local socket, without a host.
local function local_line(pri, time)
  return concat(pri, {time, " "}, tag_items(), {payload_field})
end

local function rfc5424_line(host)
  local nothing = P"-"^-1 * " "
  local something = word - P"- "
  local function maybe(name, kind)
    return {optional = {{name = name, grammar = something, type = kind or "string"}}}
  end
  return concat(PRI, {
    "1 ", maybe("Timestamp", "timestamp:rfc3339"), nothing, maybe(host), nothing, maybe"programname", nothing,
    {optional = {{name = "Pid", grammar = digits * #P" ", type = "integer"}}},
    maybe"procid", nothing, maybe"msgid", nothing, "-", {optional = {" ", byte_order_mark, payload_field}},
  })
end

function M.items(options)
  local host = options and options.hostname or "Hostname"
  local alternatives = {common_line(host), rfc5424_line(host)}
  for _, pri in ipairs{PRI, {}} do
    for _, time in ipairs{RFC3164_TIME, RFC3339_TIME} do
      alternatives[#alternatives + 1] = traditional_line(pri, time, host)
      alternatives[#alternatives + 1] = local_line(pri, time)
    end
  end
  return alternatives
end

return M
