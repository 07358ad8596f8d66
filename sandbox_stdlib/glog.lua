--[[
Grammar for the logs of glog and klog (Google's C++ and Go programs, Kubernetes).

    I0501 12:00:00.123456    1234 server.go:95] listening on :8080

- `items()`: the alternatives of a declared grammar
- `grammar`: captures the same fields as a table

Fields: Severity (I 6, W 4, E 3, F 2), Timestamp (ns; UTC, in the year that puts it closest to now, because the format
has no year), Pid (the thread's number), file, line, Payload. Lines with a year (20240501) are accepted too.

Source: the comment on the line format in glog's logging.cc and in klog's klog.go.
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local positional = require "positional"

local R, S = lpeg.R, lpeg.S
local field, digits, rest = positional.field, positional.digits, positional.rest

local M = {}

local SEVERITIES = {I = 6, W = 4, E = 3, F = 2}
local without_year = date_time.build_strftime_grammar "%m%d %H:%M:%S.%f"
local with_year = date_time.build_strftime_grammar "%Y%m%d %H:%M:%S.%f"

local function moment(text)
  local parts = #text:match "^%d+" == 8 and with_year:match(text) or without_year:match(text)
  return date_time.time_to_ns(parts)
end

function M.items()
  return {{
    field("Severity", S"IWEF", "integer", {transform = function(letter) return SEVERITIES[letter] end}),
    field("Timestamp", digits * " " * (R"09" + S":.")^1, "integer", {transform = moment}), lpeg.P" "^1,
    field("Pid", digits, "integer"), " ", field("file", (1 - S":] \n")^1), ":", field("line", digits, "integer"), "] ",
    field("Payload", rest),
  }}
end

M.grammar = positional.table_grammar(M.items())

return M
