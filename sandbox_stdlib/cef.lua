--[[
Grammar for the Common Event Format (ArcSight): `CEF:0|Vendor|Product|1.0|100|Name|5|src=10.0.0.1 msg=two words`.

    local event = require "cef".grammar:match(read_message "Payload")

- `grammar`: captures a line, with anything before "CEF:" (a syslog header), as a table: prefix (if there is one),
  cef_version, device_vendor, device_product, device_version, device_event_class_id, name, severity (all text) and
  extension: key -> text
- `items()`: the alternatives of a declared grammar with the same fields, except that extension is one unparsed text: its
  keys differ between events, so they have no positions to declare
- `labelled(extension)` -> a copy in which custom fields are named by their labels: cs1=x cs1Label=user becomes
  user=x
- `severity_of(text)` -> a syslog severity for 0 to 10 or Low, Medium, High, Very-High; nil for anything else

\| and \\ are unescaped in the header, \= \\ \n and \r in values. Values can contain spaces; a value ends before a space,
a key and "=".

Source: Micro Focus, Implementing ArcSight Common Event Format, version 26.
--]]

local lpeg = require "lpeg"
local positional = require "positional"

local ipairs, pairs, tonumber, type = ipairs, pairs, tonumber, type
local C, Cf, Cg, Cs, Ct, P, R, S = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local header_text = Cs((P"\\" / "" * S"|\\" + (1 - S"|\r\n"))^0)
local function header(name) return Cg(header_text, name) * "|" end

local key = (R("az", "AZ", "09") + S"_.-[]")^1
local ends = P" "^1 * key * "=" + P" "^0 * S"\r\n"^0 * -1
local LETTERS = {n = "\n", r = "\r"}
local escape = P"\\" / "" * (S"nr" / LETTERS + S"=\\|")
local value = Cs((escape + (1 - ends))^0)
local pair = Cg(C(key) * "=" * value)

local function set(fields, name, text)
  fields[name] = text
  return fields
end

local extension = Cf(Ct"" * (P" "^0 * pair)^0, set) * P" "^0 * S"\r\n"^0 * -1

M.grammar = Ct(
  Cg(C((1 - P"CEF:")^1) / function(text) return (text:gsub("%s+$", "")) end, "prefix")^-1
  * "CEF:" * Cg(C(R"09"^1), "cef_version") * "|" * header"device_vendor" * header"device_product"
  * header"device_version" * header"device_event_class_id" * header"name" * header"severity"
  * Cg(extension, "extension"))

local HEADER = {"device_vendor", "device_product", "device_version", "device_event_class_id", "name", "severity"}

local function unescaped(text) return (text:gsub("\\([|\\])", "%1")) end

-- Only values with an escape need a change, and they are rare.
local function event(grammar, transform)
  local field = positional.field
  local list = {
    {optional = {field("prefix", (1 - (P" "^0 * "CEF:" + "\n"))^1)}}, P" "^0 * "CEF:", field("cef_version", R"09"^1), "|",
  }
  for _, name in ipairs(HEADER) do
    list = positional.concat(list, {field(name, grammar, "string", {transform = transform}), "|"})
  end
  return positional.concat(list, {field("extension", positional.rest), P"\r"^-1})
end

function M.items()
  return {event((1 - S"|\\\r\n")^0), event((P"\\" * S"|\\" + (1 - S"|\r\n"))^0, unescaped)}
end

function M.labelled(fields)
  local out = {}
  for name, text in pairs(fields) do
    if not (name:find "Label$" and fields[name:sub(1, -6)]) then out[fields[name .. "Label"] or name] = text end
  end
  return out
end

local NAMES = {low = 6, medium = 4, high = 3, ["very-high"] = 2}

function M.severity_of(text)
  local number = tonumber(text)
  if not number then return type(text) == "string" and NAMES[text:lower()] or nil end
  if number < 0 or number > 10 then return nil end
  if number <= 3 then return NAMES.low end
  if number <= 6 then return NAMES.medium end
  return number <= 8 and NAMES.high or NAMES["very-high"]
end

return M
