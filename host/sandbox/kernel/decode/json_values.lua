-- JSON arrays and objects that a record keeps as they were written: reading one element of an array.
local lpeg = require "lpeg"
local json_text = require "json_text"

local P, R, S, C, Ct, V = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Ct, lpeg.V

local M = {}

local space = S " \t\r\n" ^ 0
local string_body = (P "\\" * 1 + (1 - S '"\\')) ^ 0
local number = P "-" ^ -1 * R "09" ^ 1 * (P "." * R "09" ^ 1) ^ -1 * (S "eE" * S "+-" ^ -1 * R "09" ^ 1) ^ -1

local NULL = {}
local nested = P {
  "value",
  value = P '"' * string_body * '"' + V "array" + V "object" + (1 - S ',]}"') ^ 1,
  array = P "[" * space * (V "value" * space * (P "," * space * V "value" * space) ^ 0) ^ -1 * "]",
  object = P "{" * (P '"' * string_body * '"' + V "array" + V "object" + (1 - S '"[]{}')) ^ 0 * "}",
}
local scalar = P '"' * (C(string_body) / json_text.unescape) * '"' + C(number) / tonumber +
  P "true" * lpeg.Cc(true) + P "false" * lpeg.Cc(false) + P "null" / function() return NULL end
local element = scalar * #(space * S ",]") + C(nested)
local array = P "[" * space * Ct((element * space * (P "," * space * element * space) ^ 0) ^ -1) * "]"

local last_text, last_list

-- text of a JSON array -> list of its elements; nested ones stay text, null is absent
local function list(text)
  if text ~= last_text then
    last_text, last_list = text, lpeg.match(array, text) or false
  end
  return last_list
end

function M.is_array(text)
  return list(text) ~= false
end

-- the number of elements of a JSON array; an object counts as one
function M.count(text)
  local l = list(text)
  return l and #l or 1
end

-- element ai (from 0) of a JSON array, or nil; an object is its own only element
function M.element(text, ai)
  local l = list(text)
  if not l then return ai == 0 and text or nil end
  local v = l[ai + 1]
  if v == NULL then return nil end
  return v
end

local numbers = P "[" * space * Ct((C(number) * space * (P "," * space * C(number) * space) ^ 0) ^ -1) * "]"

-- the digits of an array of numbers as a list of texts; nil if the text is anything else
function M.number_texts(text)
  return lpeg.match(numbers, text)
end

local digits = C(number) * #(space * S ",]") + nested * lpeg.Cc(false)
local all_digits = P "[" * space * Ct((digits * space * (P "," * space * digits * space) ^ 0) ^ -1) * "]"

-- the digits of the number that is element ai (from 0) of an array; nil or false if there is none
function M.digits(text, ai)
  local found = lpeg.match(all_digits, text)
  return found and found[ai + 1]
end

return M
