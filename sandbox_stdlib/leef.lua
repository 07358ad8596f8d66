--[[
Grammar for the Log Event Extended Format (QRadar): `LEEF:2.0|Vendor|Product|1.0|Event|^|src=10.0.0.1^dst=10.0.0.2`.

- `grammar`: captures a line, with anything before "LEEF:" (a syslog header), as a table: prefix (if there is one),
  leef_version, device_vendor, device_product, device_version, event_id and attributes: key -> text
- `items()`: the alternatives of a declared grammar with the same fields, except that attributes is one unparsed text, and
  version 2 has the field delimiter: the keys differ between events, so they have no positions to declare

Attributes are separated by tabs, or in version 2 by the character named before them, literally or in hexadecimal (x5E,
0x5E). A key without "=" is omitted.

Source: IBM QRadar, Log Event Extended Format, version 2.
--]]

local lpeg = require "lpeg"
local positional = require "positional"
local string = require "string"

local tonumber = tonumber
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local function header(name) return Cg(C((1 - S"|\r\n")^0), name) * "|" end

local hexadecimal = P"0"^-1 * S"xX" * C(R("09", "af", "AF")^1) * "|" / function(hex)
  return string.char(tonumber(hex, 16) % 256)
end
local delimiter = hexadecimal + C(P(1) - "|")^-1 * "|"

local line = Ct(
  Cg(C((1 - P"LEEF:")^1) / function(text) return (text:gsub("%s+$", "")) end, "prefix")^-1 * "LEEF:"
  * Cg(C(R"09"^1 * (P"." * R"09"^1)^-1), "leef_version") * "|" * header"device_vendor" * header"device_product"
  * header"device_version" * header"event_id" * Cg(C(P(1)^0), "attributes"))

local function attributes_of(text, separator)
  local fields = {}
  text = text:gsub("[\r\n]+$", "")
  for part in (text .. separator):gmatch("(.-)" .. separator:gsub("%W", "%%%0")) do
    local key, value = part:match "^%s*([^=]+)=(.*)$"
    if key then fields[key] = value end
  end
  return fields
end

M.grammar = line / function(event)
  local separator, text = "\t", event.attributes
  if event.leef_version:match "^2" then
    local named, at = (delimiter * lpeg.Cp()):match(text)
    if at then
      separator, text = named, text:sub(at)
    elseif named then
      text = text:sub(named)           -- an empty name is a tab
    end
  end
  event.attributes = attributes_of(text, separator)
  return event
end

local function event(version, rest)
  local field, concat = positional.field, positional.concat
  local list = {{optional = {field("prefix", (1 - (P" "^0 * "LEEF:" + "\n"))^1)}}, P" "^0 * "LEEF:", field("leef_version", version), "|"}
  for name in ("device_vendor device_product device_version event_id"):gmatch "%S+" do
    list = concat(list, {field(name, (1 - S"|\r\n")^0), "|"})
  end
  return concat(list, rest, {field("attributes", positional.rest), P"\r"^-1})
end

function M.items()
  local named = P"0"^-1 * S"xX" * R("09", "af", "AF")^1 * #P"|" + (1 - S"|\r\n")^-1
  local minor = (P"." * R"09"^1)^-1
  return {
    event("2" * R"09"^0 * minor, {{optional = {positional.field("delimiter", named), "|"}}}),
    event((R"09" - P"2") * R"09"^0 * minor, {}),
  }
end

return M
