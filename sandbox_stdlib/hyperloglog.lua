--[[
HyperLogLog: the approximate number of distinct keys, in little memory.

    local hyperloglog = require "hyperloglog"
    local seen = hyperloglog.new()
    seen:add(read_message "Fields[user]")
    local users = seen:count()

- `new([precision = 16])`: 2^precision registers, from 4 to 16. The standard error is 1.04 / sqrt(2^precision):
  0.41 % for 16, in 64 KiB; 0.81 % for 14, in 16 KiB.
- `hll:add(key)` -> true if the estimate changed. A key is a string or a number.
- `hll:count()`, `hyperloglog.count(hll, ...)` -> the estimate, a whole number; for several, that of their union
- `hll:merge(other)` -> hll, which is then the union; both need the same precision
- `hll:clear()`
- `tostring(hll)`, `hll:fromstring(text)`: "hll", the precision in two digits, then a character for each register:
  "0" and the 63 characters after it in ASCII. (Heka used the text of Redis.)
- `version()`

Eight registers of 6 bits are packed into a number. The state is plain data, the metatable is named "hyperloglog".

Source: P. Flajolet et al., HyperLogLog (2007); the estimator is the improved raw estimator of O. Ertl, New
cardinality estimation algorithms for HyperLogLog sketches (2017), which needs no corrections for small or large sets.
--]]

local bit = require "bit"
local key_hash = require "key_hash"
local math = require "math"
local string = require "string"
local table = require "table"

local error, getmetatable, ipairs, select, setmetatable, tonumber, type =
  error, getmetatable, ipairs, select, setmetatable, tonumber, type
local band, lshift = bit.band, bit.lshift
local floor, log, sqrt = math.floor, math.log, math.sqrt
local pair = key_hash.pair

local DEFAULT_PRECISION = 16
local HASH_BITS = 32                     -- the part of the hash whose leading zeros are counted
local LIMIT = HASH_BITS + 1
local SCALE = {[0] = 1}
for i = 1, 7 do SCALE[i] = SCALE[i - 1] * 64 end

local methods = {}
local metatable = {__index = methods, __name = "hyperloglog"}
local M = {metatables = {hyperloglog = metatable}}

function M.version() return "1.0.0" end

local function empty_words(precision)
  local words = {}
  for i = 1, 2 ^ precision / 8 do words[i] = 0 end
  return words
end

function M.new(precision)
  precision = precision or DEFAULT_PRECISION
  if type(precision) ~= "number" or precision % 1 ~= 0 or precision < 4 or precision > 16 then
    error("hyperloglog: the precision must be a whole number from 4 to 16", 2)
  end
  return setmetatable({precision = precision, words = empty_words(precision)}, metatable)
end

-- Raises a register to rank. Returns true if it was lower.
local function raise(words, register, rank)
  local slot = register % 8
  local at, scale = (register - slot) / 8 + 1, SCALE[slot]
  local word = words[at]
  local old = floor(word / scale) % 64
  if rank <= old then return false end
  words[at] = word + (rank - old) * scale
  return true
end

function methods.add(hll, key)
  local place, bits = pair(key)
  local rank = 1
  while bits >= 0 and rank < LIMIT do
    bits, rank = lshift(bits, 1), rank + 1
  end
  return raise(hll.words, band(place, lshift(1, hll.precision) - 1), rank)
end

function methods.clear(hll) hll.words = empty_words(hll.precision) end

local function check(hll)
  if getmetatable(hll) ~= metatable then error("hyperloglog: not a hyperloglog", 3) end
end

function methods.merge(hll, other)
  check(other)
  if other.precision ~= hll.precision then error("hyperloglog: the precisions differ", 2) end
  for at, word in ipairs(other.words) do
    if word ~= 0 and word ~= hll.words[at] then
      for slot = 0, 7 do raise(hll.words, (at - 1) * 8 + slot, floor(word / SCALE[slot]) % 64) end
    end
  end
  return hll
end

-- ---------------------------------------------------------------- counting --

-- Returns the number of registers of each rank, from 0.
local function histogram(hll)
  local counts = {}
  for rank = 0, LIMIT do counts[rank] = 0 end
  for _, word in ipairs(hll.words) do
    for _ = 1, 8 do
      local rank = word % 64
      counts[rank] = counts[rank] + 1
      word = (word - rank) / 64
    end
  end
  return counts
end

-- x + x^2 + 2 x^4 + 4 x^8 + ...
local function sigma(x)
  if x == 1 then return math.huge end
  local sum, factor, last = x, 1
  repeat
    x = x * x
    last, sum, factor = sum, sum + x * factor, factor * 2
  until sum == last
  return sum
end

local function tau(x)
  if x == 0 or x == 1 then return 0 end
  local factor, sum, last = 1, 1 - x
  repeat
    x, factor = sqrt(x), factor / 2
    last, sum = sum, sum - (1 - x) ^ 2 * factor
  until sum == last
  return sum / 3
end

local function estimate(hll)
  local counts, registers = histogram(hll), 2 ^ hll.precision
  local sum = registers * tau(1 - counts[LIMIT] / registers)
  for rank = HASH_BITS, 1, -1 do sum = (sum + counts[rank]) / 2 end
  sum = sum + registers * sigma(counts[0] / registers)
  return floor(registers * registers / (2 * log(2)) / sum + 0.5)
end

function methods.count(hll, ...)
  check(hll)
  if select("#", ...) == 0 then return estimate(hll) end
  local union = M.new(hll.precision):merge(hll)
  for i = 1, select("#", ...) do union:merge((select(i, ...))) end
  return estimate(union)
end

M.count = methods.count

-- ------------------------------------------------------------------- text --

local FIRST = string.byte "0"

function metatable.__tostring(hll)
  local chars = {}
  for _, word in ipairs(hll.words) do
    for _ = 1, 8 do
      local rank = word % 64
      chars[#chars + 1] = string.char(FIRST + rank)
      word = (word - rank) / 64
    end
  end
  return ("hll%02d"):format(hll.precision) .. table.concat(chars)
end

function methods.fromstring(hll, text)
  local precision, registers = (type(text) == "string" and text or ""):match "^hll(%d%d)([0-R]*)$"
  precision = tonumber(precision)
  if not precision or precision < 4 or precision > 16 or #registers ~= 2 ^ precision then
    error("hyperloglog: not the text of a hyperloglog", 2)
  end
  hll.precision, hll.words = precision, empty_words(precision)
  for i = 1, #registers do raise(hll.words, i - 1, registers:byte(i) - FIRST) end
end

return M
