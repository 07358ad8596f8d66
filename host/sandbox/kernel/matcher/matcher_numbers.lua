-- Comparing numbers with a literal of a matcher as what they are: an int64 never through a double, a double never as an int64.
--
--   against_int64(op, value) -> op, int64 | nil, boolean      what an int64 has to be compared with; or the answer for all of them
--   against_double(op, value) -> op, number | nil, boolean    the same for a double
--   is_exact(value) -> boolean       whether doubles do for both: what is beyond 2^53 keeps its side of the literal if it is rounded
--   test(op, value) -> function      compares what is a number of Lua's or an int64
local ffi = require "ffi"
local numbers = require "numbers"

local M = {}

local BEYOND = 2 ^ 63

function M.relation(op, a, b)
  if op == "==" then return a == b end
  if op == "!=" then return a ~= b end
  if op == "<" then return a < b end
  if op == "<=" then return a <= b end
  if op == ">" then return a > b end
  return a >= b
end

local relation = M.relation

-- for a literal that none of the numbers equals and that lies right above `least`
local function beside(op, least)
  if op == "==" then return nil, false end
  if op == "!=" then return nil, true end
  return (op == "<" or op == "<=") and "<=" or ">", least
end

function M.against_int64(op, value)
  if value.integer then return op, numbers.int64_of(value.text) end
  local v = value.number
  if v >= BEYOND or v < -BEYOND then return nil, relation(op, 0, v) end
  local floor = math.floor(v)
  local whole = ffi.cast("int64_t", floor)
  if floor == v then return op, whole end
  return beside(op, whole)
end

-- op and literal for a double, where the literal is an int64 that no double is; `near` is the double nearest to it
local function against_near(op, near, int64)
  if op == "==" or op == "!=" then return beside(op) end
  if near < BEYOND and ffi.cast("int64_t", near) < int64 then return beside(op, near) end
  return (op == "<" or op == "<=") and "<" or ">=", near
end

function M.against_double(op, value)
  local v = value.number
  if not value.integer or M.is_exact(value) then return op, v end
  local int64 = numbers.int64_of(value.text)
  if v < BEYOND and ffi.cast("int64_t", v) == int64 then return op, v end
  return against_near(op, v, int64)
end

function M.is_exact(value)
  return value.number > -numbers.SAFE and value.number < numbers.SAFE
end

local function one_sided(op, literal)
  if not op then return function() return literal end end
  return function(v) return relation(op, v, literal) end
end

function M.test(op, value)
  local of_int64, of_double = one_sided(M.against_int64(op, value)), one_sided(M.against_double(op, value))
  return function(v)
    if type(v) == "number" then return of_double(v) end
    return type(v) == "cdata" and of_int64(v)
  end
end

return M
