--[==[
Builds grammars from line templates, for messages that are sentences with values.

    local grammar = line_template.grammar{"Accepted {method} for {user} from {remote_addr} port {remote_port:n}"}

- `grammar(templates)` -> an LPEG pattern that captures a table, with the first template that matches the whole line.
  A template is text, or {text, field = value, ...} with constant fields.
- `items(templates [, prefix])` -> the alternatives of a declared grammar with the same fields; prefix: text before the name of
  each field. A template with addresses is several alternatives: IPv4, IPv6, a word

{name} is non-empty text up to the following part of the template, {name:n} a whole number, {name:f} a number with
decimals, {name:w} a word without spaces, {name:r} the rest of the line (can be empty), {name:q} text that can be empty,
{name:l} text up to the last occurrence of the following part, which ends the line, {name:a} an address as {value=, representation=
"ipv4" or "ipv6"}, or else a word. [[ and ]] enclose an optional part. Spaces at the end of the line do
not matter.
--]==]

local ip_address = require "ip_address"
local lpeg = require "lpeg"
local positional = require "positional"
local table = require "table"

local error, ipairs, pairs, tonumber, type = error, ipairs, pairs, tonumber, type
local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local field = Ct("{" * Cg(C((R("az", "AZ", "09") + "_")^1), "name") * (":" * Cg(C(S"nfwrqla"), "kind"))^-1 * "}")
local closing = P"]]" * -P"]"       -- of "]]]" the first is text
local text = C((1 - (S"{" + "[[" + closing))^1)
local template_grammar = P{
  "all", all = lpeg.V"parts" * -1,
  parts = Ct((field + text + Ct(Cg("[[" * lpeg.V"parts" * closing, "optional")))^0),
}

local digits = R"09"^1
local number = P"-"^-1 * digits
local decimal = number * (P"." * digits)^-1
local word, rest = (1 - S" \t\r\n")^1, (1 - S"\r\n")^0
local after_address, other_address = #(S" :#)],\r\n" + -1), (1 - S" :#)],\r\n")^1
local PATTERNS = {
  n = C(number) / tonumber, f = C(decimal) / tonumber, w = C(word), r = C(rest),
  a = (ip_address.v4_field + ip_address.v6_field) * after_address + C(other_address),
}

local at_end = S" \r\n"^0 * -1
local at_line_end = S" \r"^0 * (P"\n" + -1)     -- in a declared grammar more lines can follow

-- Returns the pattern of the next part's start; nil at the end of the template. line_end: pattern that ends the line
local function following(parts, i, line_end)
  local next_part = parts[i + 1]
  if next_part == nil then return nil end
  if type(next_part) == "string" then return P(next_part) end
  if next_part.optional then
    local inside, after = following(next_part.optional, 0, line_end), following(parts, i + 1, line_end)
    return inside + (after or line_end)
  end
  return S" "
end

local function text_up_to(stop, kind, line_end, any)
  local byte = (any or 1) - (kind == "l" and stop * line_end or stop)
  return kind == "q" and byte^0 or byte^1
end

local sequence

local function part_pattern(parts, i, outer)
  local part = parts[i]
  if type(part) == "string" then return P(part) end
  if part.optional then return sequence(part.optional, following(parts, i, at_end) or outer)^-1 end
  return Cg(PATTERNS[part.kind] or C(text_up_to(following(parts, i, at_end) or outer or at_end, part.kind, at_end)), part.name)
end

function sequence(parts, outer)
  local pattern = P(true)
  for i = 1, #parts do pattern = pattern * part_pattern(parts, i, outer) end
  return pattern
end

local function parts_of(template)
  local source = type(template) == "table" and template[1] or template
  local parts = template_grammar:match(source)
  if not parts then error("not a template of a line: " .. source, 0) end
  return parts
end

local function line_grammar(template)
  local pattern = sequence(parts_of(template))
  if type(template) == "table" then
    for name, value in pairs(template) do
      if name ~= 1 then pattern = pattern * Cg(Cc(value), name) end
    end
  end
  return Ct(pattern) * S" \r\n"^0 * -1
end

function M.grammar(templates)
  local any = P(false)
  for _, template in ipairs(templates) do any = any + line_grammar(template) end
  return any
end

-- ------------------------------------------------------------ declared form --

local DECLARED = {n = {number, "integer"}, f = {decimal, "double"}, w = {word}, r = {rest}}

local function address_items(name, kind)
  if kind == "word" then return {positional.field(name, other_address)} end
  return {positional.address(name, kind), after_address}
end

-- kinds: the kind of each address, by its name in the template
local function sequence_items(parts, outer, prefix, kinds)
  local list = {}
  for i, part in ipairs(parts) do
    local stop = type(part) ~= "string" and (following(parts, i, at_line_end) or outer)
    local declared = DECLARED[part.kind]
    if type(part) == "string" then
      list[#list + 1] = part
    elseif part.optional then
      list[#list + 1] = {optional = sequence_items(part.optional, stop, prefix, kinds)}
    elseif part.kind == "a" then
      list = positional.concat(list, address_items(prefix .. part.name, kinds[part.name]))
    elseif declared then
      list[#list + 1] = positional.field(prefix .. part.name, declared[1], declared[2])
    else
      list[#list + 1] = positional.field(prefix .. part.name, text_up_to(stop or at_line_end, part.kind, at_line_end, 1 - P"\n"))
    end
  end
  return list
end

local function addresses_of(parts, names)
  for _, part in ipairs(parts) do
    if part.optional then addresses_of(part.optional, names) end
    if part.kind == "a" then names[#names + 1] = part.name end
  end
  return names
end

local function constants_of(template, prefix)
  local names, list = {}, {}
  for name in pairs(type(template) == "table" and template or {}) do
    if name ~= 1 then names[#names + 1] = name end
  end
  table.sort(names)
  for i, name in ipairs(names) do list[i] = positional.constant(prefix .. name, template[name]) end
  return list
end

function M.items(templates, prefix)
  prefix = prefix or ""
  local alternatives = {}
  for _, template in ipairs(templates) do
    local parts = parts_of(template)
    alternatives = positional.concat(alternatives, positional.spread(addresses_of(parts, {}), function(kinds)
      return positional.concat(constants_of(template, prefix), sequence_items(parts, nil, prefix, kinds), {S" \r"^0})
    end, {"ipv4", "ipv6", "word"}))
  end
  return alternatives
end

return M
