--[[
Grammars from the format strings that a program prints with: a printf format becomes a pattern that reads its output.

    local printf = require "printf"
    local grammar = printf.build_grammar{"Failed %s for %.100s from %.200s port %d", "method", "user", "remote_addr", "port"}
    grammar:match "Failed password for bob from 10.0.0.1 port 22"

- `build_grammar(spec)` -> an LPEG pattern that captures a table. spec: {format, name of the first argument, ...}. A name
  may be an LPEG pattern instead, which then captures by itself; one that begins with "@" is an expression for the
  module re. An argument without a name is matched, not captured.
- `load_messages(specs [, grammars])` -> list of {pattern, weight}; an entry that is text names a module with a list
  `printf_messages`
- `match_sample(grammars, line)` -> the pattern that matches a line and has the most arguments, nil for none

Numbers (%d %i %u %f %e %g %x %o %a) are captured as numbers, others as text. A string reaches to the text that follows
it in the format, to a space if another argument follows, or to the end. A width is spaces before or after the value.
Escapes of C in the format are resolved.

Source: the conversion specifications of ISO C, 7.21.6.1; the API of Hindsight's module.
--]]

local escape_sequences = require "escape_sequences"
local lpeg = require "lpeg"

local error, ipairs, pcall, require, tonumber, type = error, ipairs, pcall, require, tonumber, type
local C, Cg, Ct, P, R, S = lpeg.C, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

-- --------------------------------------------------------------- formats --

local flags = Cg(C(S"-+ #0'"^0), "flags")
local width = Cg(C(R"09"^1 + "*"), "width")
local precision = "." * Cg(C(R"09"^0 + "*"), "precision")
local length = P"hh" + "h" + "ll" + "l" + "j" + "z" + "t" + "L"
local conversion = Ct("%" * flags * width^-1 * precision^-1 * length^-1 * Cg(C(S"diuoxXfFeEgGaAcspn"), "kind"))
local literal = lpeg.Cs((P"%%" / "%%" + (1 - P"%"))^1) / escape_sequences.decode_c
local format_grammar = Ct((literal + conversion)^1) * -1

-- ----------------------------------------------------------------- values --

local digits, hex = R"09"^1, R("09", "af", "AF")^1
local float = S"+-"^-1 * (digits * (P"." * R"09"^0)^-1 * (S"eE" * S"+-"^-1 * digits)^-1 + P"inf" + "nan")

local function in_base(base)
  return function(text) return tonumber(text, base) end
end

local integer = C(S"+-"^-1 * digits) / tonumber
local hexadecimal = (P"0" * S"xX")^-1 * (C(hex) / in_base(16))
local NUMBERS = {
  d = integer, i = integer, u = C(digits) / tonumber, o = C(R"07"^1) / in_base(8),
  x = hexadecimal, X = hexadecimal, p = C(P"0x" * hex + "(nil)"), n = P(true),
  a = C(S"+-"^-1 * "0" * S"xX" * (hex + S".pP+-")^1) / tonumber,
}
for kind in ("fFeEgG"):gmatch "." do NUMBERS[kind] = C(float) / tonumber end
NUMBERS.A = NUMBERS.a

-- What ends a string: the literal after it, a space before another argument, or nothing.
local function text_grammar(item, following)
  local stop
  if type(following) == "string" then
    stop = P(following)
  elseif following then
    stop = S" "
  else
    return C((P" "^0 * (1 - S" ")^1)^0)
  end
  local most = tonumber(item.precision)
  if most and most > 0 then return C((1 - stop)^-most) end
  return C((1 - stop)^0)
end

local function value_grammar(item, following)
  local grammar = NUMBERS[item.kind]
  if item.kind == "c" then grammar = C(P(1)) end
  if not grammar then grammar = text_grammar(item, following) end
  if not item.width and not item.flags:find(" ", 1, true) then return grammar end
  if item.flags:find("-", 1, true) then return grammar * P" "^0 end
  return P" "^0 * grammar
end

local function named(grammar, name)
  if name == nil then return grammar / 0 end
  if lpeg.type(name) == "pattern" then return name end
  if type(name) ~= "string" then error("printf: a name must be a string or a pattern", 0) end
  if name:sub(1, 1) == "@" then return require "re".compile(name:sub(2)) end
  return Cg(grammar, name)
end

function M.build_grammar(spec)
  local format = spec[1]
  if type(format) ~= "string" then error("printf: the format must be a string", 0) end
  local items = format_grammar:match(format)
  if not items then error("printf: not a format: " .. format, 0) end
  local grammar, argument = P(true), 1
  for i, item in ipairs(items) do
    if type(item) == "string" then
      grammar = grammar * P(item)
    else
      if item.width == "*" then argument = argument + 1 end
      argument = argument + 1
      grammar = grammar * named(value_grammar(item, items[i + 1]), spec[argument])
    end
  end
  return Ct(grammar) * S" \t\r\n"^0 * -1
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
