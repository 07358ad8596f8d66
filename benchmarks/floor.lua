-- The floor: one LPEG match over a text of whole lines, without captures. Returns functions that take the text and return the
-- end of the match. There is no call per line, so no LPEG parser can be cheaper.
local lpeg = require "lpeg"
local P, R, S, match = lpeg.P, lpeg.R, lpeg.S, lpeg.match

local function over(line)
  local lines = line^0 * lpeg.Cp()
  return function(text) return match(lines, text) end
end

-- ---------------------------------------------------------------- nginx's combined format

local digits = R "09"^1
local word = (1 - S ' "\n')^1
local quoted = '"' * (1 - S '"\n')^0 * '"'
local time = "[" * (1 - S "]\n")^1 * "]"
local request = '"' * R "AZ"^1 * " " * word * " " * word * '"' + quoted
local access = word * " " * word * " " * word * " " * time * " " * request * " " * digits * " " * digits * " " * quoted * " "
  * quoted * "\n"

-- ---------------------------------------------------------------- JSON objects without nested ones

local space = S " \t\r"^0
local text = '"' * ((1 - S '"\\' - R "\0\31")^1 + P "\\" * 1)^0 * '"'
local number = P "-"^-1 * digits * (P "." * digits)^-1 * (S "eE" * S "+-"^-1 * digits)^-1
local value = text + number + P "true" + P "false" + P "null"
local member = text * space * ":" * space * value * space
local json = P "{" * space * (member * ("," * space * member)^0)^-1 * "}\n"

return over(access), over(json)
