--[[
Grammars for the W3C extended log format of IIS, CloudFront and others, built from the log's "#Fields:" line.

    local w3c = require "w3c"
    declare_grammar {type = "iis", alternatives = w3c.items "date time c-ip cs-method cs-uri-stem sc-status time-taken"}

- `items(fields)`, `build_grammar(fields)`: the alternatives of a declared grammar; an LPEG pattern that captures a
  table. fields: the text after "#Fields:" (with or without it), or "iis" for IIS's default fields.
- `cloudfront_items()`, `cloudfront`: for the standard logs of Amazon CloudFront
- `iis`: the grammar of "iis"
- `directive`: captures a line that begins with #, as {name=, value=}

Field names are those of the log with "_" for "-", "(" and ")": cs-uri-stem is cs_uri_stem, cs(User-Agent) is
cs_User_Agent. date and time together become the Timestamp (the format is in UTC). Statuses, ports, bytes and times are
numbers; bytes have the representation B, time-taken ms (s for CloudFront). "-" is omitted. Texts are unchanged (IIS
writes + for a space).

Source: https://www.w3.org/TR/WD-logfile.html; the field lists of IIS 10 and of CloudFront's standard logs.
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local positional = require "positional"

local error = error
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local IIS = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) "
  .. "sc-status sc-substatus sc-win32-status time-taken"
local CLOUDFRONT = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
  .. "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes "
  .. "time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
  .. "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
  .. "sc-range-start sc-range-end"

local INTEGERS = {
  ["s-port"] = true, ["c-port"] = true, ["sc-status"] = true, ["sc-substatus"] = true, ["sc-win32-status"] = true,
  ["cs-bytes"] = "B", ["sc-bytes"] = "B", ["sc-content-len"] = "B", ["sc-range-start"] = true, ["sc-range-end"] = true,
  bytes = "B", cached = true,
}

M.directive = Ct("#" * Cg(C((1 - S": \n")^1), "name") * ":" * S" \t"^0 * Cg(C((1 - S"\r\n")^0), "value")) * S"\r\n"^0 * -1

local timestamp = date_time.build_strftime_grammar "%Y-%m-%d %H:%M:%S"
local date = R"09" * R"09" * R"09" * R"09" * "-" * R"09" * R"09" * "-" * R"09" * R"09"
local clock = R"09" * R"09" * ":" * R"09" * R"09" * ":" * R"09" * R"09"

local function name_of(field)
  return (field:gsub("[%-%(%)]", "_"):gsub("__+", "_"):gsub("_$", ""))
end

local function value_item(field, ends, seconds)
  local name, unit = name_of(field), INTEGERS[field]
  local more = {representation = unit ~= true and unit or nil}
  if unit then return positional.field(name, R"09"^1, "integer", more) end
  if field == "time-taken" or field == "time-to-first-byte" then
    more.representation = seconds and "s" or "ms"
    return positional.field(name, R"09"^1 * (P"." * R"09"^1)^-1, seconds and "double" or "integer", more)
  end
  return positional.field(name, (1 - S(ends))^1 - P"-" * (S(ends) + -1))
end

local function moment(separator)
  return {name = "Timestamp", grammar = date * S" \t" * clock, type = "integer", transform = function(text)
    return date_time.time_to_ns(timestamp:match((text:gsub(separator, " "))))
  end}
end

local function line_items(fields, separator, seconds)
  local names, list = {}, {}
  for name in fields:gsub("^#Fields:", ""):gmatch "%S+" do names[#names + 1] = name end
  if #names == 0 then error("w3c: no fields are named", 3) end
  local i = 1
  while i <= #names do
    if #list > 0 then list[#list + 1] = separator end
    if names[i] == "date" and names[i + 1] == "time" then
      list[#list + 1], i = moment(separator), i + 1
    else
      list[#list + 1] = {optional = {value_item(names[i], separator .. "\r\n", seconds)}}
      list[#list + 1] = P"-"^-1
    end
    i = i + 1
  end
  list[#list + 1] = P"\r"^-1
  return {list}
end

function M.items(fields) return line_items(fields == "iis" and IIS or fields, " ", false) end

function M.build_grammar(fields) return positional.table_grammar(M.items(fields)) end

function M.cloudfront_items() return line_items(CLOUDFRONT, "\t", true) end

M.cloudfront = positional.table_grammar(M.cloudfront_items())

M.iis = M.build_grammar "iis"

return M
