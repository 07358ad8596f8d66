--[[
Grammar for log events of Java programs such as Dropwizard: the level, the time in brackets, the class.

    ERROR [2014-11-21 16:35:59,501] com.example.OutgoingQueue: Error handling output file
    ! java.net.SocketTimeoutException: Read timed out
    ! at com.example.TransferMode.upload(Unknown Source)

- `logevent_grammar`: captures an event of one or more lines as a table: Severity (of syslog), Timestamp (ns; UTC, because
  the format has no zone; text if it is not a time), Class, Message, Stacktrace (the lines after the first, unchanged;
  "" if there are none)
- `items()`: the alternatives of a declared grammar: events of one line, then those of several. It accepts only events with
  a time, and omits an empty Stacktrace
- `severities`: level to number: TRACE and DEBUG 7, INFO 6, WARN 4, ERROR 3, FATAL 0

Remove the "! " before the lines of a Stacktrace to parse it with the module stack_traces.

Source: Dropwizard's default log format; the names, and that of this module, are Heka's.
--]]

local date_time = require "date_time"
local lpeg = require "lpeg"
local positional = require "positional"

local pairs, tonumber = pairs, tonumber
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {
  severities = {TRACE = 7, DEBUG = 7, INFO = 6, WARN = 4, ERROR = 3, FATAL = 0},
}

local space = S" \t"^1
local level = lpeg.Cmt(C(R("AZ", "az")^1), function(_, _, name)
  local number = M.severities[name:upper()]
  return number ~= nil, number
end)

local moment = (date_time.build_strftime_grammar "%Y-%m-%d %H:%M:%S" * (S",." * C(R"09"^1))^-1 * -1)
  / function(parts, fraction)
    if fraction then parts.sec_frac = tonumber("0." .. fraction) end
    return date_time.time_to_ns(parts)
  end

local time = C((1 - S"]\n")^1) / function(text) return moment:match(text) or text end

M.logevent_grammar = Ct(
  Cg(level, "Severity") * space * "[" * Cg(time, "Timestamp") * "]" * space * Cg(C((1 - S":\n")^1), "Class") * ":" * space
  * Cg(C((1 - S"\r\n")^0), "Message") * P"\r"^-1 * (P"\n" + -1) * Cg(C(P(1)^0), "Stacktrace"))

local function any_level()
  local any = P(false)
  for name in pairs(M.severities) do
    local word = P(true)
    for letter in name:gmatch "." do word = word * S(letter .. letter:lower()) end
    any = any + word
  end
  return any
end

local two = R"09" * R"09"
local time_text = two * two * "-" * two * "-" * two * " " * two * ":" * two * ":" * two * (S",." * R"09"^1)^-1

local function first_line()
  local field = positional.field
  return {
    field("Severity", any_level(), "integer", {transform = function(name) return M.severities[name:upper()] end}), space * "[",
    field("Timestamp", time_text, "integer", {transform = function(text) return moment:match(text) end}), P"]" * space,
    field("Class", (1 - S":\n")^1), P":" * space, field("Message", positional.rest), P"\r"^-1,
  }
end

function M.items()
  return {
    positional.concat(first_line(), {P"\n"^-1}),
    positional.concat(first_line(), {"\n", positional.field("Stacktrace", P(1)^1)}),
  }
end

return M
