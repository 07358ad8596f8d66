--[[
Grammar for lines of key=value pairs in forms other than logfmt (module logfmt).

    local parse = require "key_value".build_grammar{pair = ",", key = ":"}
    parse:match "user: bob, ip: 10.0.0.1"              -- {user = "bob", ip = "10.0.0.1"}

- `build_grammar([options])` -> an LPEG pattern that captures a table, key to text. Options:
    pair (" "): text between pairs; additional spaces are skipped. With " ", tabs separate too
    key ("="): text between key and value; spaces around it are skipped unless pair is " "
    quotes ("\"'"): characters that can enclose a value; inside, a backslash escapes the next character
    bare (true): accept a key without a value, as true. If false, such a line does not match
    brackets (false): a value that begins with ( [ { or < extends to the closing bracket
- `grammar`: the pattern of build_grammar()

A key that occurs again has a list of its values. A line needs at least one pair with a value.

There is only the table form: a declared grammar needs names in a fixed order, but keys and their order differ between
lines. If a program always writes the same keys in the same order, declare its lines with the module line_template.
--]]

local lpeg = require "lpeg"

local ipairs, type = ipairs, type
local C, Cc, Cf, Cg, Cs, Ct, P, S, V = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.S, lpeg.V

local M = {}

local space = S" \t"

local function set(fields, key, value)
  local known = fields[key]
  if known == nil then
    fields[key] = value
  elseif type(known) == "table" then
    known[#known + 1] = value
  else
    fields[key] = {known, value}
  end
  return fields
end

local function quoted(quotes)
  local any = P(false)
  for quote in quotes:gmatch "." do
    any = any + P(quote) * Cs((P"\\" / "" * P(1) + (1 - S("\\" .. quote)))^0) * quote
  end
  return any
end

local function bracketed()
  local any, grammar = P(false), {"any"}
  for _, pair in ipairs{"()", "[]", "{}", "<>"} do
    local open, close = pair:sub(1, 1), pair:sub(2)
    any = any + P(open) * (V"any" + (1 - S(open .. close)))^0 * close
  end
  grammar.any = any
  return C(P(grammar))
end

function M.build_grammar(options)
  options = options or {}
  local between, equals = options.pair or " ", options.key or "="
  local by_space = between == " "
  local around = by_space and P(true) or space^0
  local stop = by_space and space + S"\r\n" or space^0 * (P(between) + S"\r\n" + -1)

  local key = C((1 - (P(equals) + stop + (by_space and space or P(false))))^1)
  if not by_space then key = key / function(text) return (text:gsub("%s+$", "")) end end
  local value = quoted(options.quotes or "\"'") * #(stop + -1)
  if options.brackets then value = value + bracketed() * #(stop + -1) end
  value = value + C((1 - stop)^0)
  local pair = key * around * equals * around * value
  local one = options.bare == false and pair or pair + key * Cc(true)
  local separator = by_space and space^1 or space^0 * between * space^0

  local line = space^0 * Cg(one) * (separator * Cg(one))^0 * (separator + space^0) * S"\r\n"^0 * -1
  return #((1 - P(equals))^1 * equals) * Cf(Ct"" * line, set)
end

M.grammar = M.build_grammar()

return M
