--[[
Grammar for the text formats of Prometheus and OpenMetrics.

    http_requests_total{method="post",code="200"} 1027 1395066363000

- `grammar`: captures a line as a table. A sample: name, labels (key to text), value (a number; NaN, +Inf and -Inf are
  such), timestamp (ms as Prometheus writes it, s in OpenMetrics), exemplar {labels=, value=, timestamp=}. A comment:
  comment (TYPE, HELP, UNIT, EOF or ""), name and text.
- `items()`: the alternatives of a declared grammar: samples, then comments. labels (the text between { and }) and exemplar are
  unparsed texts: labels differ between samples, so they have no positions to declare
- `parse(text)` -> list of samples, with type and help from the comments before them, and a list of the other lines
- `escape(text)` -> text for a label's value; `line(name, labels, value [, timestamp])` -> a sample's line

Source: Prometheus documentation, "Exposition formats"; OpenMetrics 1.0.
--]]

local lpeg = require "lpeg"
local math = require "math"
local positional = require "positional"
local table = require "table"

local ipairs, pairs, tonumber, tostring = ipairs, pairs, tonumber, tostring
local C, Cc, Cf, Cg, Cs, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S
local huge = math.huge

local M = {}

local space = S" \t"^1
local first = R("az", "AZ") + S"_:"
local name_text = first * (first + R"09")^0
local name = C(name_text)
local LETTERS = {n = "\n"}
local text = '"' * Cs((P"\\" / "" * (P"n" / LETTERS + S'"\\') + (1 - S'"\n'))^0) * '"'

local function set(fields, key, value)
  fields[key] = value
  return fields
end

local label = Cg(name * S" \t"^0 * "=" * S" \t"^0 * text)
local comma = S" \t"^0 * "," * S" \t"^0
local labels = "{" * S" \t"^0 * Cf(Ct"" * (label * (comma * label)^0 * comma^-1)^-1, set) * S" \t"^0 * "}"

local digits = R"09"^1
local decimal = S"+-"^-1 * (digits * (P"." * digits^-1)^-1 + P"." * digits) * (S"eE" * S"+-"^-1 * digits)^-1
local number = C(decimal) / tonumber + P"+"^-1 * P"Inf" * Cc(huge) + P"-Inf" * Cc(-huge) + P"NaN" * Cc(0 / 0)

local exemplar = Ct(Cg(labels, "labels") * space * Cg(number, "value") * (space * Cg(number, "timestamp"))^-1)
local sample = Ct(
  Cg(name, "name") * S" \t"^0 * Cg(labels + Ct"", "labels") * S" \t"^0 * Cg(number, "value")
  * (space * Cg(number, "timestamp"))^-1 * (space * "#" * space * Cg(exemplar, "exemplar"))^-1 * S" \t"^0)

local rest = C((1 - S"\r\n")^0)
local comment = Ct("#" * S" \t"^0 * (
  Cg(C(P"TYPE" + "HELP" + "UNIT"), "comment") * space * Cg(name, "name") * S" \t"^0 * Cg(rest, "text")
  + Cg(C"EOF", "comment") + Cg(Cc"", "comment") * Cg(rest, "text")))

M.grammar = S" \t"^0 * (sample + comment) * S"\r\n"^0 * -1

local INFINITE = {Inf = huge, ["+Inf"] = huge, ["-Inf"] = -huge, NaN = 0 / 0}
local blank = S" \t"^0
local quoted_text = '"' * (P"\\" * (1 - P"\n") + (1 - S'"\\\n'))^0 * '"'
local label_text = name_text * blank * "=" * blank * quoted_text
local labels_text = (label_text * (comma * label_text)^0 * comma^-1)^-1

local function sample_items(value)
  local field = positional.field
  return {
    blank, field("name", name_text), blank, {optional = {"{" * blank, field("labels", labels_text), blank * "}"}}, blank, value,
    {optional = {space, field("timestamp", decimal, "double")}},
    {optional = {space * "#" * space, field("exemplar", P"{" * (1 - S"\r\n")^1)}}, blank * P"\r"^-1,
  }
end

function M.items()
  local field, to_end = positional.field, positional.rest
  local word = P"+"^-1 * P"Inf" + "-Inf" + "NaN"
  return {
    sample_items(field("value", decimal, "double")),
    sample_items(field("value", word, "double", {transform = function(found) return INFINITE[found] end})),
    {blank * "#" * blank, field("comment", P"TYPE" + "HELP" + "UNIT"), space, field("name", name_text), blank, field("text", to_end),
      P"\r"^-1},
    {blank * "#" * blank, field("comment", P"EOF"), P"\r"^-1},
    {blank * "#" * blank, field("comment", P(true)), field("text", to_end), P"\r"^-1},
  }
end

local SUFFIXES = {"_total", "_bucket", "_count", "_sum", "_created", "_info"}

-- A sample of a histogram or a counter can add a suffix to the name in the comments.
local function described(about, sample_name)
  if about[sample_name] then return about[sample_name] end
  for _, suffix in ipairs(SUFFIXES) do
    local family = sample_name:match("^(.*)" .. suffix .. "$")
    if family and about[family] then return about[family] end
  end
  return {}
end

function M.parse(whole)
  local samples, wrong, about = {}, {}, {}
  for line in whole:gmatch "[^\r\n]+" do
    local found = M.grammar:match(line)
    if not found then
      wrong[#wrong + 1] = line
    elseif found.value then
      local facts = described(about, found.name)
      found.type, found.help = facts.TYPE, facts.HELP
      samples[#samples + 1] = found
    elseif found.name then
      about[found.name] = about[found.name] or {}
      about[found.name][found.comment] = found.text
    end
  end
  return samples, wrong
end

local ESCAPES = {["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n"}

function M.escape(value) return (tostring(value):gsub('[\\"\n]', ESCAPES)) end

local function number_text(value)
  if value ~= value then return "NaN" end
  if value == huge then return "+Inf" end
  if value == -huge then return "-Inf" end
  return ("%.17g"):format(value):len() > ("%.15g"):format(value):len() and tonumber(("%.15g"):format(value)) == value
    and ("%.15g"):format(value) or ("%.17g"):format(value)
end

function M.line(metric, of, value, timestamp)
  local parts = {}
  for key, label_value in pairs(of or {}) do parts[#parts + 1] = ('%s="%s"'):format(key, M.escape(label_value)) end
  table.sort(parts)
  local shown = #parts > 0 and "{" .. table.concat(parts, ",") .. "}" or ""
  return metric .. shown .. " " .. number_text(value) .. (timestamp and (" %.0f"):format(timestamp) or "")
end

return M
