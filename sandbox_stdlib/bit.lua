--[[
Bit operations on 32-bit words in plain arithmetic, with the functions of Lua BitOp (http://bitop.luajit.org).

In Hekate, `require "bit"` returns LuaJIT's own `bit`. This module has the same functions for any Lua 5.1, but is slower.
Arguments are numbers, taken modulo 2^32; results are from -2^31 to 2^31 - 1.

- `tobit(x)`, `tohex(x [, digits = 8])` (negative digits: upper case), `bnot(x)`, `bswap(x)`
- `band(x, ...)`, `bor(x, ...)`, `bxor(x, ...)`
- `lshift(x, n)`, `rshift(x, n)`, `arshift(x, n)`, `rol(x, n)`, `ror(x, n)`: n modulo 32
--]]

local math = require "math"

local floor, select = math.floor, select

local WORD, SIGN, BYTE, NIBBLE = 2 ^ 32, 2 ^ 31, 2 ^ 8, 2 ^ 4

local M = {}

local function unsigned(x) return floor(x) % WORD end

local function signed(x)
  x = x % WORD
  return x >= SIGN and x - WORD or x
end

function M.tobit(x) return signed(floor(x)) end

function M.bnot(x) return signed(WORD - 1 - unsigned(x)) end

-- Tables of the operations on four bits: row * 16 + column + 1.
local function table_of(operation)
  local nibble_table = {}
  for a = 0, NIBBLE - 1 do
    for b = 0, NIBBLE - 1 do
      local value, place, x, y = 0, 1, a, b
      for _ = 1, 4 do
        value = value + operation(x % 2, y % 2) * place
        x, y, place = floor(x / 2), floor(y / 2), place * 2
      end
      nibble_table[a * NIBBLE + b + 1] = value
    end
  end
  return nibble_table
end

local function by_nibbles(nibble_table, a, b)
  local value, place = 0, 1
  for _ = 1, 8 do
    local low_a, low_b = a % NIBBLE, b % NIBBLE
    value = value + nibble_table[low_a * NIBBLE + low_b + 1] * place
    a, b, place = (a - low_a) / NIBBLE, (b - low_b) / NIBBLE, place * NIBBLE
  end
  return value
end

local function operator(operation)
  local nibble_table = table_of(operation)
  return function(x, ...)
    local value = unsigned(x)
    for i = 1, select("#", ...) do
      value = by_nibbles(nibble_table, value, unsigned((select(i, ...))))
    end
    return signed(value)
  end
end

M.band = operator(function(a, b) return a * b end)
M.bor = operator(function(a, b) return a + b - a * b end)
M.bxor = operator(function(a, b) return (a + b) % 2 end)

function M.lshift(x, n) return signed(unsigned(x) * 2 ^ (n % 32) % WORD) end

function M.rshift(x, n) return signed(floor(unsigned(x) / 2 ^ (n % 32))) end

function M.arshift(x, n) return signed(floor(signed(floor(x)) / 2 ^ (n % 32))) end

function M.rol(x, n)
  local value, places = unsigned(x), n % 32
  local high = floor(value / 2 ^ (32 - places))
  return signed((value * 2 ^ places) % WORD + high)
end

function M.ror(x, n) return M.rol(x, -n % 32) end

function M.bswap(x)
  local value, swapped = unsigned(x), 0
  for _ = 1, 4 do
    local low = value % BYTE
    swapped, value = swapped * BYTE + low, (value - low) / BYTE
  end
  return signed(swapped)
end

function M.tohex(x, digits)
  digits = digits or 8
  local wanted = digits < 0 and -digits or digits
  if wanted > 8 then wanted = 8 end
  local text = ("%08x"):format(unsigned(x)):sub(9 - wanted)
  return digits < 0 and text:upper() or text
end

return M
