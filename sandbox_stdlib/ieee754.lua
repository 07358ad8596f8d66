--[[
Converts numbers to and from the bits of IEEE 754, in plain arithmetic.

- `double_words(number)` -> high, low: the 64 bits as two words from 0 to 2^32 - 1; `double_of(high, low)` -> number
- `float_word(number)` -> the 32 bits nearest to it (ties to even); `float_of(word)` -> number
--]]

local math = require "math"

local floor, frexp, huge, ldexp = math.floor, math.frexp, math.huge, math.ldexp

local M = {}

local WORD = 2 ^ 32

-- bits: size of the fraction; bias: bias of the exponent. Returns sign, exponent and fraction as whole numbers.
local function parts(number, bits, bias, round)
  if number ~= number then return 0, 2 * bias + 1, 2 ^ (bits - 1) end
  local sign = (number < 0 or number == 0 and 1 / number < 0) and 1 or 0
  if sign == 1 then number = -number end
  if number == huge then return sign, 2 * bias + 1, 0 end
  if number == 0 then return sign, 0, 0 end
  local fraction, exponent = frexp(number)
  exponent = exponent - 1 + bias
  if exponent <= 0 then                     -- denormal: too small for a leading one
    return sign, 0, round(ldexp(number, bits + bias - 1))
  end
  return sign, exponent, round((fraction * 2 - 1) * 2 ^ bits)
end

local function to_even(value)
  local whole = floor(value)
  local rest = value - whole
  if rest > 0.5 or rest == 0.5 and whole % 2 == 1 then return whole + 1 end
  return whole
end

local function from_parts(sign, exponent, fraction, bits, bias)
  local number
  if exponent == 2 * bias + 1 then
    number = fraction == 0 and huge or 0 / 0
  elseif exponent == 0 then
    number = ldexp(fraction, 1 - bias - bits)
  else
    number = ldexp(1 + fraction / 2 ^ bits, exponent - bias)
  end
  return sign == 1 and -number or number
end

function M.double_words(number)
  local sign, exponent, fraction = parts(number, 52, 1023, floor)
  local high = floor(fraction / WORD)
  return sign * 2 ^ 31 + exponent * 2 ^ 20 + high, fraction - high * WORD
end

function M.double_of(high, low)
  local sign = floor(high / 2 ^ 31)
  return from_parts(sign, floor(high / 2 ^ 20) % 2048, high % 2 ^ 20 * WORD + low, 52, 1023)
end

-- A fraction that rounds up to 1 carries into the exponent. A number that is too large becomes infinite.
function M.float_word(number)
  local sign, exponent, fraction = parts(number, 23, 127, to_even)
  local word = exponent * 2 ^ 23 + fraction
  if exponent > 255 or word > 255 * 2 ^ 23 and number == number then word = 255 * 2 ^ 23 end
  return sign * 2 ^ 31 + word
end

function M.float_of(word)
  return from_parts(floor(word / 2 ^ 31), floor(word / 2 ^ 23) % 256, word % 2 ^ 23, 23, 127)
end

return M
