--[[
Grammar for statsd and DogStatsD: `api.time:320|ms|@0.1|#env:prod,web`.

- `grammar`: captures a line as a table: name, type ("c", "g", "ms", "h", "d", "s"), value (a number; text for sets
  and for other text), values (a list, if there are several: a:1:2|c), sample_rate, tags (a table, key to text, true for
  a key alone), delta (true for a gauge with a sign), timestamp (s), container
- `lines`: captures the lines of a packet as a list of such tables; lines that do not match are omitted
- `items()`: the alternatives of a declared grammar for lines with one value, with sections in the order sample rate, tags, container,
  timestamp; the tags are one text, because their keys differ between lines

Source: https://github.com/statsd/statsd/blob/master/docs/metric_types.md; Datadog, "DogStatsD datagram format" 1.3.
--]]

local lpeg = require "lpeg"
local positional = require "positional"

local ipairs, tonumber = ipairs, tonumber
local C, Cc, Cf, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local name = (1 - S":|\r\n")^1
local kind = P"ms" + S"cghds"
local digits = R"09"^1
local number = S"+-"^-1 * (digits * (P"." * digits^-1)^-1 + P"." * digits) * (S"eE" * S"+-"^-1 * digits)^-1

local function value_of(text) return tonumber(text) or text end

local function set(fields, key, value)
  fields[key] = value
  return fields
end

local tag_text = C((1 - S":,|\r\n")^1)
local tag = Cg(tag_text * (":" * C((1 - S",|\r\n")^0) + Cc(true)))
local tags = Cf(Ct"" * (tag * (P"," * tag)^0)^-1, set)

local section = "|" * (
  "@" * Cg(number / tonumber, "sample_rate") + "#" * Cg(tags, "tags") + "T" * Cg(digits / tonumber, "timestamp")
  + "c:" * Cg(C((1 - S"|\r\n")^0), "container"))

local value = C((1 - S":|\r\n")^1)
local metric = Ct(Cg(C(name), "name") * ":" * Cg(Ct(value * (":" * value)^0), "values") * "|" * Cg(C(kind), "type") * section^0)
  / function(found)
    local raw = found.values[1]
    if found.type == "s" then
      found.value = raw
    else
      for i, text in ipairs(found.values) do found.values[i] = value_of(text) end
      found.value = found.values[1]
    end
    if found.type == "g" and raw:find "^[+-]" then found.delta = true end
    if #found.values == 1 then found.values = nil end
    return found
  end

local line_end = S"\r\n"

M.grammar = metric * line_end^0 * -1
M.lines = Ct((metric * (line_end^1 + -1) + (1 - line_end)^1 * line_end^0 + line_end^1)^0)

local field = positional.field
local unsigned = number - S"+-"
local sections = {
  {optional = {"|@", field("sample_rate", number, "double")}}, {optional = {"|#", field("tags", (1 - S"|\r\n")^0)}},
  {optional = {"|c:", field("container", (1 - S"|\r\n")^0)}}, {optional = {"|T", field("timestamp", digits, "integer")}}, P"\r"^-1,
}

local function line(value_item, type_item, ...)
  return positional.concat({field("name", name), ":", value_item, "|", field("type", type_item)}, sections, {...})
end

function M.items()
  local any_number = field("value", number, "double")
  return {
    line(field("value", unsigned, "double"), P"ms" + S"cghd"), line(any_number, P"g", positional.constant("delta", true)),
    line(any_number, P"ms" + S"chd"), line(field("value", (1 - S":|\r\n")^1), P"s"),
  }
end

return M
