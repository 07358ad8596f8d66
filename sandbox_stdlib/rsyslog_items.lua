-- Turns rsyslog templates into declared grammars. Used through the module syslog, which describes the fields.

local lpeg = require "lpeg"
local date_time = require "date_time"
local rsyslog = require "rsyslog_template"

local ipairs, tonumber, type = ipairs, tonumber, type
local P, R, S = lpeg.P, lpeg.R, lpeg.S

local M = {}

local digits = R"09"^1
local clock = digits * ":" * digits * ":" * (R"09" + ".")^1
local pgsql_time = R"09"^4 * "-" * digits * "-" * digits * " " * clock * (P" "^-1 * S"+-" * (R"09" + ":")^1)^-1

local function ns_by(grammar)
  return function(text)
    local parts = grammar:match(text)
    return parts and date_time.time_to_ns(parts)
  end
end

local DATES = {
  ["date-mysql"] = {grammar = digits, transform = ns_by(date_time.mysql_timestamp)},
  ["date-pgsql"] = {grammar = pgsql_time, transform = ns_by(date_time.pgsql_timestamp)},
  ["date-rfc3339"] = {grammar = R"09" * (1 - S" \n\"")^1, type = "timestamp:rfc3339"},
  ["date-rfc3164"] = {grammar = R"AZ" * R"az" * R"az" * " " * S" 0123" * R"09" * " " * (R"09" + ":")^1, type = "timestamp:rfc3164"},
  ["date-unixtimestamp"] = {grammar = digits, type = "timestamp:epoch_s"},
}

local TIMES = {timestamp = true, timereported = true, timegenerated = true}
local HOSTS = {hostname = true, fromhost = true, source = true}
local NUMBERED = {
  syslogseverity = "Severity", syslogpriority = "Severity", ["syslogseverity-text"] = "Severity", ["syslogpriority-text"] = "Severity",
  syslogfacility = "syslogfacility", ["syslogfacility-text"] = "syslogfacility",
}
local NUMBERS = {Severity = rsyslog.severity * -1, syslogfacility = rsyslog.facility * -1}

local function severity_of(text) return tonumber(text) % 8 end

local function facility_of(text) return (tonumber(text) - tonumber(text) % 8) / 8 end

-- the pattern of a value without its own grammar
local function text_before(following)
  local byte = 1 - P"\n"
  return following and (byte - P(following))^0 or byte^0
end

local function add(list, ...)
  for _, item in ipairs{...} do list[#list + 1] = item end
end

-- A header that occurs twice becomes a field the second time.
local function name_of(header, property, taken)
  if taken[header] then return property end
  taken[header] = true
  return header
end

-- Options that write a part of a time as a number. It becomes a separate field such as timestamp_hour.
local TIME_PARTS = {"year", "month", "day", "hour", "minute", "second", "subseconds", "wday", "ordinal", "week", "tzoffshour", "tzoffsmin"}
for _, name in ipairs(TIME_PARTS) do TIME_PARTS["date-" .. name] = name end

local function time_part(property)
  for option in property.options:gmatch "[^,]+" do
    if TIME_PARTS[option] then return TIME_PARTS[option] end
  end
end

local function time_item(property, following, taken)
  local part = time_part(property)
  if part then return {name = property.name .. "_" .. part, grammar = digits, type = "integer"} end
  if taken.Timestamp or property.part ~= "" then return {name = property.name, grammar = text_before(following)} end
  taken.Timestamp = true
  local date = DATES["date-rfc3164"]
  for option in property.options:gmatch "[^,]+" do date = DATES[option] or date end
  return {name = "Timestamp", grammar = date.grammar, type = date.type, transform = date.transform}
end

local function numbered_item(property, taken)
  local header = NUMBERED[property.name]
  local grammar = NUMBERS[header]
  return {
    name = name_of(header, property.name, taken), grammar = R("az", "AZ", "09")^1, type = "integer",
    transform = function(text) return grammar:match(text) end,
  }
end

local function tag_items(list, taken)
  add(list, {name = name_of("programname", "syslogtag", taken), grammar = (1 - S" :[\n")^1},
    {optional = {"[", {name = name_of("Pid", "pid", taken), grammar = digits, type = "integer"}, "]"}}, P":"^-1)
end

local function procid_items(list, taken, following)
  local stop = S' \n"' + (following and P(following) or P(false))
  local one, done = 1 - stop, -(1 - stop)
  add(list, {optional = {{name = name_of("Pid", "pid", taken), grammar = digits * done, type = "integer"}}},
    {optional = {{name = "procid", grammar = one^1 - P"-" * done}}}, P"-"^-1)
end

-- [id name="value" ...][...], or "-" for none; quotes, brackets and backslashes in values are escaped with a backslash
local sd_value = '"' * (P"\\" * (1 - P"\n") + (1 - S'"\\\n'))^0 * '"'
local structured_data = ("[" * (1 - S' =]"\n')^1 * (" " * (1 - S' =]"\n')^1 * "=" * sd_value)^0 * "]")^1

-- With the option json a value is escaped as in JSON.
local function text_type(property)
  for option in property.options:gmatch "[^,]+" do
    if option == "json" or option == "jsonr" then return "json_string", (P"\\" * (1 - P"\n") + (1 - S'"\\\n'))^0 end
  end
end

-- Returns true if a template part is the whole property, not a field or a regular expression match.
local function is_extract(property) return property.part:find "^[RF]," ~= nil end

local function property_items(list, property, following, options, taken)
  local name = property.name
  if name == "msg" and property.options:find("sp-if-no-1st-sp", 1, true) then
    add(list, P" "^-1)
  elseif is_extract(property) then
    add(list, {name = name_of(name, name, taken), grammar = text_before(following)})
  elseif name == "structured-data" then
    add(list, {optional = {{name = name_of(name, name, taken), grammar = structured_data}}}, P"-"^-1)
  elseif TIMES[name] then
    add(list, time_item(property, following, taken))
  elseif name == "pri" then
    add(list, {
      name = name_of("Severity", "pri", taken), grammar = digits, type = "integer", transform = severity_of,
      also = {{name = "syslogfacility", type = "integer", transform = facility_of}},
    })
  elseif NUMBERED[name] then
    add(list, numbered_item(property, taken))
  elseif name == "syslogtag" then
    tag_items(list, taken)
  elseif name == "procid" then
    procid_items(list, taken, following)
  else
    local header = name == "msg" and "Payload" or HOSTS[name] and options.hostname or name == "app-name" and "programname" or name
    local kind, escaped = text_type(property)
    add(list, {name = name_of(header, name, taken), grammar = escaped or text_before(following), type = kind})
  end
end

function M.items(template, options)
  local parts, list, taken = rsyslog.parts(template), {}, {}
  for i, part in ipairs(parts) do
    if type(part) == "string" then
      if part ~= "" then add(list, part) end
    else
      local following = parts[i + 1]
      if type(following) ~= "string" or following == "" then following = nil end
      property_items(list, part, following, {hostname = options and options.hostname or "Hostname"}, taken)
    end
  end
  return {list}
end

return M
