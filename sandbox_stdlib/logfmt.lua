--[[
Grammar for logfmt: `level=info msg="say \"hi\"" took=12ms cached`.

- `grammar`: captures a table of key to text; a key without a value is true
- `list`: captures a list {key, value, key, value, ...} in the order of the line;
  a value is text, true for a key without a value, or {text} for a quoted value

Inside quotes \" \\ \/ \n \t \r \b \f and \uXXXX have the meaning of JSON. A line
matches only if it has at least one key=value.

There is only the table form: a declared grammar needs names in a fixed order, but the keys of logfmt and their order differ
between lines. A decoder's declare_logfmt builds a declared grammar for each order that occurs.
--]]

local lpeg = require "lpeg"
local string = require "string"

local tonumber = tonumber
local char = string.char
local C, Cc, Cf, Cg, Cs, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

-- ---------------------------------------------------------------- escapes --

local function utf8(code)
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + (code - code % 64) / 64, 0x80 + code % 64) end
  local low, middle = code % 64, (code - code % 64) / 64 % 64
  if code < 0x10000 then return char(0xE0 + (code - code % 4096) / 4096, 0x80 + middle, 0x80 + low) end
  local high = (code - code % 4096) / 4096 % 64
  return char(0xF0 + (code - code % 262144) / 262144, 0x80 + high, 0x80 + middle, 0x80 + low)
end

local function from_hex(text) return utf8(tonumber(text, 16)) end

local function from_surrogates(high, low)
  return utf8(0x10000 + (tonumber(high, 16) - 0xD800) * 0x400 + tonumber(low, 16) - 0xDC00)
end

local hex = R("09", "af", "AF")
local high_half = C(S"dD" * S"89abAB" * hex * hex)
local low_half = C(S"dD" * R("cf", "CF") * hex * hex)
local ESCAPES = {n = "\n", t = "\t", r = "\r", b = "\b", f = "\f"}

-- Text that is not an escape is not changed.
local escape = P"\\u" * high_half * "\\u" * low_half / from_surrogates
  + P"\\u" * C(hex * hex * hex * hex) / from_hex
  + P"\\" * C(S"ntrbf") / ESCAPES
  + P"\\" / "" * S'"\\/'

-- ------------------------------------------------------------------ pairs --

local key = C((1 - (S' ="' + R"\0\31"))^1)
local quoted = '"' * Cs((escape + (1 - S'"'))^0) * '"'
local bare = C((1 - (S' "' + R"\0\31"))^0)
local space = S" \t\r"^1
local has_pair = #((1 - P"=")^1 * "=")

local function line(pair)
  return has_pair * S" \t"^0 * pair * (space * pair)^0 * S" \t\r\n"^0 * -1
end

local text_pair = Cg(key * ("=" * (quoted + bare) + Cc(true)))
local kept_pair = key * ("=" * (Ct(quoted) + bare) + Cc(true))

M.grammar = Cf(Ct"" * line(text_pair), function(fields, name, value)
  fields[name] = value
  return fields
end)
M.list = Ct(line(kept_pair))

return M
