-- Strings of JSON: reading what stands between the quotes, and writing it.
local bit = require "bit"
local lpeg = require "lpeg"

local M = {}

local P, R, S, C, Cs = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Cs

local function utf8(code)
  if code < 0x80 then return string.char(code) end
  local function tail(shift)
    return bit.bor(0x80, bit.band(bit.rshift(code, shift), 0x3f))
  end
  if code < 0x800 then return string.char(bit.bor(0xc0, bit.rshift(code, 6)), tail(0)) end
  if code < 0x10000 then return string.char(bit.bor(0xe0, bit.rshift(code, 12)), tail(6), tail(0)) end
  return string.char(bit.bor(0xf0, bit.rshift(code, 18)), tail(12), tail(6), tail(0))
end

local REPLACEMENT = utf8(0xfffd)

-- ------------------------------------------------------------------------------------ reading

local hex = R("09", "af", "AF")
local hex4 = C(hex * hex * hex * hex)

local function pair(high, low)
  return utf8(0x10000 + (tonumber(high, 16) - 0xd800) * 0x400 + tonumber(low, 16) - 0xdc00)
end

local function single(digits)
  local code = tonumber(digits, 16)
  if code >= 0xd800 and code <= 0xdfff then return REPLACEMENT end -- half of a surrogate pair
  return utf8(code)
end

local high = #(S "dD" * S "89abAB") * hex4
local low = #(S "dD" * R("cf", "CF")) * hex4
local escape = P "\\u" * high * "\\u" * low / pair + P "\\u" * hex4 / single +
  P "\\" * C(S '"\\/bfnrt') / {
    ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
  }
local unescape = Cs((escape + 1) ^ 0)

-- text between the quotes of a JSON string -> the string it stands for
function M.unescape(text)
  if not text:find("\\", 1, true) then return text end
  return lpeg.match(unescape, text)
end

-- ------------------------------------------------------------------------------------ writing

local cont = R "\128\191"
local utf8_char = R "\194\223" * cont + P "\224" * R "\160\191" * cont + R("\225\236", "\238\239") * cont * cont +
  P "\237" * R "\128\159" * cont + P "\240" * R "\144\191" * cont * cont + R "\241\243" * cont * cont * cont +
  P "\244" * R "\128\143" * cont * cont

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\b"] = "\\b", ["\f"] = "\\f" }
for i = 0, 31 do
  local c = string.char(i)
  ESCAPES[c] = ESCAPES[c] or string.format("\\u%04x", i)
end
ESCAPES["\127"] = "\\u007f"

local special = S '"\\\127' + R "\0\31"
local ascii = (R "\32\126" - S '"\\') ^ 1
local escaped = Cs((ascii + utf8_char + special / ESCAPES + P(1) / REPLACEMENT) ^ 0)

-- any bytes -> what stands between the quotes of a JSON string; a byte that is no UTF-8 becomes U+FFFD
function M.escape(text)
  return lpeg.match(escaped, text)
end

local valid = ((R "\0\127") ^ 1 + utf8_char) ^ 0 * -1

function M.is_utf8(text)
  return lpeg.match(valid, text) ~= nil
end

local repaired = Cs(((R "\0\127") ^ 1 + utf8_char + P(1) / REPLACEMENT) ^ 0)

-- the text with U+FFFD for each byte that is no UTF-8
function M.repair(text)
  if M.is_utf8(text) then return text end
  return lpeg.match(repaired, text)
end

return M
