--[[
Builds grammars from printf formats: a format becomes a pattern that reads its output.

    local printf = require "printf"
    local grammar = printf.build_grammar{"Failed %s for %.100s from %.200s port %d", "method", "user", "remote_addr", "port"}
    grammar:match "Failed password for bob from 10.0.0.1 port 22"

- `build_grammar(spec)` -> an LPEG pattern that captures a table. spec: {format, name of the first argument, ...}. A name
  can be replaced by an LPEG pattern with its own captures. A name that begins with "@" is an expression for the module re.
  An argument without a name is matched but not captured. `*` for a width or precision is an argument, %2$s selects its
  argument, %m (the text of errno) has none.
- `items(specs)` -> the alternatives of a declared grammar, one for each spec, in order. Patterns instead of names are not
  allowed, and inf and nan do not match
- `load_messages(specs [, grammars])` -> list of {pattern, weight}; a text entry names a module with a list
  `printf_messages`
- `match_sample(grammars, line)` -> the matching pattern with the most arguments, nil if none matches

Numbers (%d %i %u %f %e %g %x %o %a) are captured as numbers, others as text. A string extends to the following text in
the format, to a space if another argument follows, or to the end. A width allows spaces before or after the value.
C escapes in the format are resolved.

Source: the conversion specifications of ISO C, 7.21.6.1; the API of Hindsight's module.
--]]

local escape_sequences = require "escape_sequences"
local lpeg = require "lpeg"
local positional = require "positional"

local error, ipairs, pcall, require, tonumber, type = error, ipairs, pcall, require, tonumber, type
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

-- --------------------------------------------------------------- formats --

local flags = Cg(C(S"-+ #0'"^0), "flags")
local argument = Cg(R"09"^1 / tonumber, "argument") * "$"
local width = Cg(C(P"*" + R"09"^1), "width")
local precision = "." * Cg(C(P"*" + R"09"^0), "precision")
local length = P"hh" + "h" + "ll" + "l" + "j" + "z" + "t" + "L" + "q"
local conversion = Ct("%" * argument^-1 * flags * width^-1 * precision^-1 * length^-1 * Cg(C(S"diuoxXfFeEgGaAcspnm"), "kind"))
local literal = lpeg.Cs((P"%%" / "%%" + (1 - P"%"))^1) / escape_sequences.decode_c
local format_grammar = Ct((literal + conversion)^1) * lpeg.Cp()

-- ----------------------------------------------------------------- values --

local digits, hex = R"09"^1, R("09", "af", "AF")^1
local float = S"+-"^-1 * (digits * (P"." * R"09"^0)^-1 * (S"eE" * S"+-"^-1 * digits)^-1 + P"inf" + "nan")

local function in_base(base)
  return function(text) return tonumber(text, base) end
end

local signed, pointer = S"+-"^-1 * digits, P"0x" * hex + "(nil)"
local hexadecimal_float = S"+-"^-1 * "0" * S"xX" * (hex + S".pP+-")^1
local integer = C(signed) / tonumber
local hexadecimal = (P"0" * S"xX")^-1 * (C(hex) / in_base(16))
local NUMBERS = {
  d = integer, i = integer, u = C(digits) / tonumber, o = C(R"07"^1) / in_base(8),
  x = hexadecimal, X = hexadecimal, p = C(pointer), n = P(true),
  a = C(hexadecimal_float) / tonumber,
}
for kind in ("fFeEgG"):gmatch "." do NUMBERS[kind] = C(float) / tonumber end
NUMBERS.A = NUMBERS.a

-- The spaces that pad a width on the right, without the leading spaces of the following text.
local function fill(following)
  if type(following) ~= "string" then return P" "^0 end
  return (P" " - P(following) * (following:find "[^ ]" and P(true) or -P" "))^0
end

-- Text up to its end: the following literal, a space before another argument, or nothing. byte: pattern of one byte
local function text_grammar(item, following, byte)
  local stop
  if item.width and item.flags:find("-", 1, true) and type(following) == "string" then
    following = fill(following) * following
  end
  if type(following) == "string" or lpeg.type(following) then
    stop = P(following)
  elseif following then
    stop = S" "
  else
    return (P" "^0 * (byte - S" ")^1)^0
  end
  local most = tonumber(item.precision)
  if most and most > 0 then return (byte - stop)^-most end
  return (byte - stop)^0
end

-- The patterns of the spaces before and after a value.
local function padding(item, following)
  if not item.width and not item.flags:find(" ", 1, true) then return P(true), P(true) end
  if item.flags:find("-", 1, true) then
    return item.flags:find(" ", 1, true) and P" "^-1 or P(true), fill(following)
  end
  return P" "^0, P(true)
end

-- The flag ' groups the digits of a number by locale.
local grouped = S"+-"^-1 * R"09"^1 * (S",." * digits)^0

local function ungrouped(text) return (text:gsub("[,.]", "")) end

local function is_grouped(item) return item.flags:find("'", 1, true) and ("diu"):find(item.kind, 1, true) ~= nil end

local function value_grammar(item, following)
  local grammar = NUMBERS[item.kind]
  if is_grouped(item) then grammar = C(grouped) / ungrouped / tonumber end
  if item.kind == "c" then grammar = C(P(1)) end
  if not grammar then grammar = C(text_grammar(item, following, P(1))) end
  local before, after = padding(item, following)
  return before * grammar * after
end

local function named(grammar, name)
  if name == nil then return grammar / 0 end
  if lpeg.type(name) == "pattern" then return name end
  if type(name) ~= "string" then error("printf: a name must be a string or a pattern", 0) end
  if name:sub(1, 1) == "@" then return require "re".compile(name:sub(2)) end
  return Cg(grammar, name)
end

-- Arguments count from 1. A width or precision can be an argument, and %m has none.
local function name_parts(parts, spec)
  local before = 0
  for _, part in ipairs(parts) do
    if type(part) == "table" and part.kind ~= "m" then
      before = before + (part.width == "*" and 1 or 0) + (part.precision == "*" and 1 or 0) + 1
      part.name = spec[1 + (part.argument or before)]
    end
  end
end

-- The parts of a format: text, or a conversion with the name of its argument.
local function parts_of(spec)
  local format = spec[1]
  if type(format) ~= "string" then error("printf: the format must be a string", 0) end
  local parts, at = format_grammar:match(format)
  if not parts or at <= #format then
    error(("printf: not a format from %q on: %s"):format(format:sub(at or 1), format), 0)
  end
  name_parts(parts, spec)
  local last = #parts
  if type(parts[last]) == "string" then parts[last] = parts[last]:gsub("[\r\n]+$", "") end     -- it ends the record
  return parts
end

function M.build_grammar(spec)
  local parts, grammar = parts_of(spec), P(true)
  for i, part in ipairs(parts) do
    if type(part) == "string" then
      grammar = grammar * P(part)
    else
      grammar = grammar * named(value_grammar(part, parts[i + 1]), part.name)
    end
  end
  return Ct(grammar) * S" \t\r\n"^0 * -1
end

-- ------------------------------------------------------------ declared form --

local function of_hexadecimal(text) return tonumber((text:gsub("^0[xX]", "")), 16) end

local decimal = S"+-"^-1 * digits * (P"." * R"09"^0)^-1 * (S"eE" * S"+-"^-1 * digits)^-1
local DECLARED = {
  d = {signed, "integer"}, i = {signed, "integer"}, u = {digits, "integer"}, o = {R"07"^1, "integer", in_base(8)},
  x = {(P"0" * S"xX")^-1 * hex, "integer", of_hexadecimal}, p = {pointer}, n = {P(true)}, c = {1 - P"\n"},
  a = {hexadecimal_float, "double", tonumber},
}
DECLARED.X, DECLARED.A = DECLARED.x, DECLARED.a
for kind in ("fFeEgG"):gmatch "." do DECLARED[kind] = {decimal, "double"} end

local function value_item(part, following)
  local of = is_grouped(part) and {grouped, "integer", function(text) return tonumber(ungrouped(text)) end}
    or DECLARED[part.kind] or {text_grammar(part, following, 1 - S"\r\n")}
  if part.name == nil then return of[1] end
  if type(part.name) ~= "string" or part.name:sub(1, 1) == "@" then
    error("printf: a declared grammar needs names, not patterns", 0)
  end
  return positional.field(part.name, of[1], of[2], {transform = of[3]})
end

function M.items(specs)
  local alternatives = {}
  for n, spec in ipairs(specs) do
    local parts, list = parts_of(spec), {}
    for i, part in ipairs(parts) do
      if type(part) == "string" then
        list[#list + 1] = part
      else
        local before, after = padding(part, parts[i + 1])
        list = positional.concat(list, {before, value_item(part, parts[i + 1]), after})
      end
    end
    alternatives[n] = positional.concat(list, {S" \t\r"^0})
  end
  return alternatives
end

-- --------------------------------------------------------------- messages --

function M.load_messages(specs, grammars, module)
  grammars = grammars or {}
  for i, spec in ipairs(specs) do
    if type(spec) == "table" then
      local ok, grammar = pcall(M.build_grammar, spec)
      if not ok then error(("module: %s item: %d error: %s"):format(module or "<root>", i, grammar), 0) end
      grammars[#grammars + 1] = {grammar, #spec}
    else
      local messages = require(spec).printf_messages
      if type(messages) ~= "table" then
        error(("module: %s does not contain a 'printf_messages' array"):format(spec), 0)
      end
      M.load_messages(messages, grammars, spec)
    end
  end
  return grammars
end

function M.match_sample(grammars, line)
  local best, most = nil, 0
  for _, entry in ipairs(grammars) do
    if entry[2] > most and entry[1]:match(line) then best, most = entry[1], entry[2] end
  end
  return best
end

return M
