--[[
Escapes and unescapes C strings, JSON, percent encoding, URL queries and HTML.

- `c`, `json`, `percent`, `url`, `html`: capture a whole text with its escapes resolved. Other text is not changed.
- `decode_percent(text)`, `decode_url(text)` (+ is a space), `decode_c(text)`, `decode_json(text)`, `decode_html(text)`
- `escape_html(text)`, `escape_json(text)` (without quotes), `escape_url(text)` (percent encoding, a space is %20)
- `hex_to_char(digits)`, `octal_to_char(digits)`, `hex_to_utf8(digits)`, `utf8(number)` -> text

Escapes of C: \a \b \e \f \n \r \t \v \\ \' \" \?, \ooo, \xhh, \uhhhh, \Uhhhhhhhh. A pair of surrogates in JSON is one
character; half of one becomes U+FFFD. Entities of HTML: amp, lt, gt, quot, apos, nbsp and numbers.
--]]

local lpeg = require "lpeg"
local math = require "math"
local string = require "string"

local ipairs, tonumber = ipairs, tonumber
local char, floor = string.char, math.floor
local C, Cs, P, R, S = lpeg.C, lpeg.Cs, lpeg.P, lpeg.R, lpeg.S

local M = {}

local REPLACEMENT = "\239\191\189"

function M.utf8(code)
  if code < 0x80 then return char(code) end
  if code >= 0xD800 and code < 0xE000 or code > 0x10FFFF then return REPLACEMENT end
  if code < 0x800 then return char(0xC0 + floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then
    return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
  end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64, 0x80 + floor(code / 64) % 64, 0x80 + code % 64)
end

function M.hex_to_char(digits) return char(tonumber(digits, 16) % 256) end

function M.octal_to_char(digits) return char(tonumber(digits, 8) % 256) end

function M.hex_to_utf8(digits) return M.utf8(tonumber(digits, 16)) end

-- --------------------------------------------------------------- grammars --

local hex, octal = R("09", "af", "AF"), R"07"
local hex4 = hex * hex * hex * hex

local function unescaped(escape) return Cs((escape + P(1))^0) end

local C_LETTERS = {a = "\a", b = "\b", e = "\27", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v"}
local c_escape = P"\\" / "" * (
  S"abefnrtv" / C_LETTERS + S"\\'\"?" + octal * octal^-2 / M.octal_to_char
  + P"x" / "" * (hex * hex^-1 / M.hex_to_char) + P"u" / "" * (hex4 / M.hex_to_utf8)
  + P"U" / "" * (hex4 * hex4 / M.hex_to_utf8))

local JSON_LETTERS = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}
local high = C(S"dD" * S"89abAB" * hex * hex)
local low = C(S"dD" * R("cf", "CF") * hex * hex)
local pair = P"\\u" * high * P"\\u" * low / function(first, second)
  return M.utf8(0x10000 + (tonumber(first, 16) - 0xD800) * 0x400 + tonumber(second, 16) - 0xDC00)
end
local json_escape = pair + P"\\u" / "" * (hex4 / M.hex_to_utf8)
  + P"\\" / "" * (S"bfnrt" / JSON_LETTERS + S'"\\/')

local percent_escape = P"%" / "" * (hex * hex / M.hex_to_char)

local ENTITIES = {amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", nbsp = "\194\160"}
local name = (P"amp" + "lt" + "gt" + "quot" + "apos" + "nbsp") / ENTITIES
local number = P"#" / "" * (S"xX" / "" * (hex * hex^-5 / M.hex_to_utf8)
  + R"09" * R"09"^-6 / function(digits) return M.utf8(tonumber(digits)) end)
local html_escape = P"&" / "" * (name + number) * (P";" / "")

M.c = unescaped(c_escape)
M.json = unescaped(json_escape)
M.percent = unescaped(percent_escape)
M.url = unescaped(percent_escape + P"+" / " ")
M.html = unescaped(html_escape)

for _, form in ipairs{"c", "json", "percent", "url", "html"} do
  M["decode_" .. form] = function(text) return M[form]:match(text) end
end

-- --------------------------------------------------------------- escaping --

local HTML = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;"}
local JSON = {['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}

function M.escape_html(text) return (text:gsub("[&<>\"']", HTML)) end

function M.escape_json(text)
  return (text:gsub('[%c"\\]', function(c) return JSON[c] or ("\\u%04x"):format(c:byte()) end))
end

function M.escape_url(text)
  return (text:gsub("[^%w%-._~]", function(c) return ("%%%02X"):format(c:byte()) end))
end

return M
