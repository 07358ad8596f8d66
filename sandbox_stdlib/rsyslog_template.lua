-- Turns rsyslog templates into grammars. Used through the module syslog, which
-- describes the captures.

local lpeg = require "lpeg"
local date_time = require "date_time"

local error, ipairs, tonumber, type = error, ipairs, tonumber, type
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

-- ------------------------------------------------------------------ names --

M.severity_names = {
  [0] = "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
}
M.facility_names = {
  [0] = "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv",
  "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5",
  "local6", "local7",
}
M.severities = {emergency = 0, panic = 0, critical = 2, error = 3, warn = 4, information = 6}
M.facilities = {security = 4, logaudit = 13, logalert = 14}
for number = 0, 7 do M.severities[M.severity_names[number]] = number end
for number = 0, 23 do M.facilities[M.facility_names[number]] = number end

local name = R("az", "AZ", "09")^1 / function(text) return text:lower() end
local integer = R"09"^1 / tonumber

-- An unknown name does not match.
local function number_of(numbers)
  return lpeg.Cmt(name, function(_, _, text) return numbers[text] ~= nil, numbers[text] end) + integer
end

M.severity = number_of(M.severities)
M.facility = number_of(M.facilities)

-- ------------------------------------------------------------- properties --

local TIMES = {
  ["date-rfc3339"] = date_time.rfc3339 / date_time.time_to_ns,
  ["date-rfc3164"] = date_time.rfc3164_timestamp / date_time.time_to_ns,
  ["date-mysql"] = date_time.mysql_timestamp / date_time.time_to_ns,
  ["date-pgsql"] = date_time.pgsql_timestamp / date_time.time_to_ns,
  ["date-unixtimestamp"] = R"09"^1 / date_time.seconds_to_ns,
  ["date-subseconds"] = integer,
}

local function time_grammar(options)
  for option in options:gmatch"[^,]+" do
    if TIMES[option] then return TIMES[option] end
  end
  return TIMES["date-rfc3164"]
end

local pri = Ct(R"09"^1 / function(text)
  return tonumber(text) % 8, (tonumber(text) - tonumber(text) % 8) / 8
end) / function(parts) return {severity = parts[1], facility = parts[2]} end

local tag = Ct(
  Cg(C((1 - S" :[\n")^1), "programname") * ("[" * Cg(integer, "pid") * "]")^-1) * P":"^-1

-- Grammars by property; a function gets the property's options.
local PROPERTIES = {
  timestamp = time_grammar, timereported = time_grammar, timegenerated = time_grammar,
  pri = pri, syslogtag = tag, procid = integer + C((1 - S" \n")^1),
  syslogfacility = integer, syslogseverity = integer, syslogpriority = integer,
  ["syslogfacility-text"] = M.facility, ["syslogseverity-text"] = M.severity, ["syslogpriority-text"] = M.severity,
}

-- A value without its own grammar extends to the following text.
local function text_grammar(following)
  if not following then return C(P(1)^0) end
  return C((1 - P(following))^0)
end

local function property_grammar(property, following)
  if property.name == "msg" and property.options:find("sp-if-no-1st-sp", 1, true) then return P" "^-1 end
  local grammar = PROPERTIES[property.name]
  if type(grammar) == "function" then grammar = grammar(property.options) end
  return Cg(grammar or text_grammar(following), property.name)
end

-- -------------------------------------------------------------- templates --

local ESCAPES = {n = "\n", t = "\t", r = "\r", ['"'] = '"', ["\\"] = "\\"}
local from_to = (1 - S":%")^0 * (":" * (1 - S":%")^0)^-1
local by_regex = P"R," * (1 - S":%")^0 * ":" * (1 - P"--end")^0 * "--end"
local part_of = Cg(C(by_regex + from_to) / function(text) return text == ":" and "" or text end, "part")
local property = Ct(
  "%" * Cg(C((1 - S":%")^1) / function(text) return text:lower() end, "name")
  * (":" * part_of + Cg(lpeg.Cc"", "part"))
  * (":" * Cg(C((1 - P"%")^0) / function(text) return text:lower() end, "options") + Cg(lpeg.Cc"", "options")) * "%")
local literal = lpeg.Cs((P"\\" / "" * (S'ntr"\\' / ESCAPES) + P"%%" / "%%" + (1 - S"%\\"))^1)
local template_format = Ct((literal + property)^1) * lpeg.Cp()

-- rsyslog's built-in templates.
M.TEMPLATES = {
  RSYSLOG_TraditionalFileFormat = "%TIMESTAMP% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%",
  RSYSLOG_FileFormat = "%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%",
  RSYSLOG_TraditionalForwardFormat = "<%PRI%>%TIMESTAMP% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%",
  RSYSLOG_ForwardFormat = "<%PRI%>%TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag:1:32%%msg:::sp-if-no-1st-sp%%msg%",
  RSYSLOG_SyslogProtocol23Format = "<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% %PROCID% %MSGID% %STRUCTURED-DATA% %msg%",
  RSYSLOG_DebugFormat = false,
}

-- Returns the parts of a template, or of a built-in one by its name: texts, and {name=, options=, part=}. part selects a part of the
-- property. A final line break ends the record and is not included.
function M.parts(template)
  local own = M.TEMPLATES[template]
  if own == false then error("template: records of " .. template .. " span several lines", 3) end
  local text = (own or template):gsub("[\r\n]+$", "")
  local parts, at = template_format:match(text)
  if not parts or at <= #text then
    error(("template: not a template of rsyslog from %q on: %s"):format(text:sub(at or 1), template), 3)
  end
  local last = #parts
  if type(parts[last]) == "string" then parts[last] = parts[last]:gsub("\n+$", "") end
  return parts
end

function M.build_grammar(template)
  local parts, grammar = M.parts(template), P(true)
  for i, part in ipairs(parts) do
    if type(part) == "string" then
      grammar = grammar * P(part)
    else
      local following = parts[i + 1]
      if following == "" or type(following) == "table" then following = nil end
      grammar = grammar * property_grammar(part, following)
    end
  end
  return Ct(grammar)
end

return M
