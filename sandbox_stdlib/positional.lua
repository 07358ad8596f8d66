--[[
Builds both forms of a grammar from one description: items for declare_grammar, and a pattern that captures a table.

- `table_grammar(alternatives)` -> an LPEG pattern that captures a table of the fields, for a whole line with or without
  its line break. Field names are those of the items; integer, double and bool fields are numbers and booleans,
  timestamps nanoseconds, json_string and the rest text. A field is omitted if its transform returns nil. A field with
  a representation is {value=, representation=}.
- `field(name, grammar [, type = "string" [, more] ])` -> an item; more: a table of representation, transform
- `maybe(item [, absent = "-"])` -> two items for a list: the field, or the text for an absent value
- `constant(name, value)` -> an item that consumes no text and always sets a field to a text, a number or a boolean
- `concat(...)` -> the items of several lists as one list
- `address(name, kind)` -> a field for an IP address with its representation; kind: "ipv4" or "ipv6". A column has one
  representation, so an address of either kind needs two alternatives
- `spread(names, make [, kinds])` -> list of alternatives: the results of make for every combination of names and kinds
  (ipv4, ipv6). make gets a table of name to kind. The combination with only the first kind comes first
- `word`, `digits`, `number`, `quoted`, `rest`: common patterns of fields: text without spaces; digits; a number with
  a sign and decimals; text up to a double quote; text up to the end of the line
--]]

local lpeg = require "lpeg"
local date_time = require "date_time"
local ip_address = require "ip_address"

local ipairs, pairs, tonumber, type, unpack = ipairs, pairs, tonumber, type, unpack
local C, Cf, Cg, Ct, P, R, S = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {
  word = (1 - S" \t\r\n")^1,
  digits = R"09"^1,
  number = S"+-"^-1 * R"09"^1 * (P"." * R"09"^1)^-1,
  quoted = (1 - S'"\n')^0,
  rest = (1 - S"\r\n")^0,
}

function M.field(name, grammar, kind, more)
  local item = more or {}
  item.name, item.grammar, item.type = name, grammar, kind or "string"
  return item
end

function M.maybe(item, absent) return {optional = {item}}, P(absent or "-")^-1 end

local KIND_OF = {string = "string", number = "double", boolean = "bool"}

function M.constant(name, value)
  return M.field(name, P(true), KIND_OF[type(value)], {transform = function() return value end})
end

local ADDRESSES = {ipv4 = ip_address.v4, ipv6 = ip_address.v6}

function M.address(name, kind) return M.field(name, ADDRESSES[kind], "string", {representation = kind}) end

function M.spread(names, make, kinds)
  kinds = kinds or {"ipv4", "ipv6"}
  local ways = {{}}
  for _, name in ipairs(names) do
    local longer = {}
    for _, way in ipairs(ways) do
      for _, kind in ipairs(kinds) do
        local more = {[name] = kind}
        for known, of in pairs(way) do more[known] = of end
        longer[#longer + 1] = more
      end
    end
    ways = longer
  end
  for i, way in ipairs(ways) do ways[i] = make(way) end
  return ways
end

function M.concat(...)
  local list = {}
  for _, part in ipairs{...} do
    for _, item in ipairs(part) do list[#list + 1] = item end
  end
  return list
end

local function time_of(grammar)
  return function(text) return date_time.time_to_ns(grammar:match(text)) end
end

local CONVERT = {
  integer = tonumber, double = tonumber,
  bool = function(text) return text == "true" end,
  ["timestamp:clf"] = time_of(date_time.clf_timestamp),
  ["timestamp:rfc3339"] = time_of(date_time.rfc3339),
  ["timestamp:rfc3164"] = time_of(date_time.rfc3164_timestamp),
  ["timestamp:epoch_s"] = date_time.seconds_to_ns,
  ["timestamp:epoch_ms"] = function(text) return date_time.epoch_to_ns(text, "ms") end,
  ["timestamp:epoch_us"] = function(text) return date_time.epoch_to_ns(text, "us") end,
}

local function value_of(item)
  local convert, transform, representation = CONVERT[item.type], item.transform, item.representation
  return function(text)
    local value = text
    if transform then value = transform(text) elseif convert then value = convert(text) end
    if value ~= nil and representation then return {value = value, representation = representation} end
    return value
  end
end

-- Returns the name and value of a field, and those of the fields from the same text.
local function names_and_values(item)
  local name, first = item.name, value_of(item)
  if not item.also then
    return function(text) return name, first(text) end
  end
  local more = {}
  for i, extra in ipairs(item.also) do more[i] = {name = extra.name, value = value_of(extra)} end
  return function(text)
    local list = {name, (first(text))}
    for i, extra in ipairs(more) do list[2 * i + 1], list[2 * i + 2] = extra.name, extra.value(text) end
    return unpack(list, 1, 2 * #more + 2)
  end
end

local pattern_of

local function sequence(items)
  local pattern = P(true)
  for _, item in ipairs(items) do pattern = pattern * pattern_of(item) end
  return pattern
end

function pattern_of(item)
  if type(item) == "string" or lpeg.type(item) == "pattern" then return P(item) end
  if item.optional then return sequence(item.optional)^-1 end
  return Cg(C(item.grammar) / names_and_values(item))
end

local function set(fields, name, value, ...)
  fields[name] = value
  if ... then return set(fields, ...) end
  return fields
end

function M.table_grammar(alternatives)
  local any = P(false)
  for _, items in ipairs(alternatives) do any = any + Cf(Ct"" * sequence(items), set) * S"\r\n"^0 * -1 end
  return any
end

return M
