-- The floor: one LPEG match per line, without captures. Answers functions that take a text of whole lines and answer how
-- many they matched and where they stopped.
local lpeg = require "lpeg"
local P, R, S, match = lpeg.P, lpeg.R, lpeg.S, lpeg.match

local function counter(line)
  return function(text)
    local at, count = 1, 0
    while true do
      local after = match(line, text, at)
      if not after then return count, at end
      at, count = after, count + 1
    end
  end
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

return counter(access), counter(json)
