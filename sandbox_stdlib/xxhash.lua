--[[
xxHash, a fast non-cryptographic hash: XXH32 and XXH64.

- `h32(item [, seed = 0])` -> the hash, a whole number from 0 to 2^32 - 1
- `h64(item [, seed = 0])` -> the hash as the nearest number (Lua's numbers have 53 bits, so the last digits are lost, as
  in Hindsight), its high word, its low word. The two words are exact.
- `words32(low, high, seed)` -> h32 of the 8 bytes of two words, as a signed word; for hash tables of numbers

An item is a string or a number. For a number, the 8 bytes of its double are hashed, lowest first.

Source: the xxHash specification 0.1.1 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md).
--]]

local bit = require "bit"
local ieee754 = require "ieee754"
local string = require "string"

local error, type = error, type
local band, bor, bxor, lshift, rol, rshift, tobit =
  bit.band, bit.bor, bit.bxor, bit.lshift, bit.rol, bit.rshift, bit.tobit
local byte, char = string.byte, string.char

local M = {}

local WORD = 2 ^ 32

local function unsigned(word) return word % WORD end

-- ------------------------------------------------------------------ XXH32 --

local A1, A2, A3, A4, A5 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F, 0x165667B1

-- Returns the product modulo 2^32, in two halves, so that each part is exact in a double.
local function mul(a, b)
  return tobit(band(a, 0xFFFF) * b + lshift(tobit(rshift(a, 16) * b), 16))
end

local function word_at(text, at)
  local a, b, c, d = byte(text, at, at + 3)
  return bor(a, lshift(b, 8), lshift(c, 16), lshift(d, 24))
end

local function round32(sum, word) return mul(rol(tobit(sum + mul(word, A2)), 13), A1) end

local function mix_word32(hash, word) return mul(rol(tobit(hash + mul(word, A3)), 17), A4) end

local function avalanche32(hash)
  hash = mul(bxor(hash, rshift(hash, 15)), A2)
  hash = mul(bxor(hash, rshift(hash, 13)), A3)
  return bxor(hash, rshift(hash, 16))
end

-- Processes the stripes of 16 bytes. Returns the sum and the position of the rest.
local function stripes32(text, seed)
  local a, b, c, d = tobit(seed + A1 + A2), tobit(seed + A2), tobit(seed), tobit(seed - A1)
  local at = 1
  while at + 15 <= #text do
    a, b = round32(a, word_at(text, at)), round32(b, word_at(text, at + 4))
    c, d = round32(c, word_at(text, at + 8)), round32(d, word_at(text, at + 12))
    at = at + 16
  end
  return tobit(rol(a, 1) + rol(b, 7) + rol(c, 12) + rol(d, 18)), at
end

local function text32(text, seed)
  local hash, at = tobit(seed + A5), 1
  if #text >= 16 then hash, at = stripes32(text, seed) end
  hash = tobit(hash + #text)
  while at + 3 <= #text do
    hash, at = mix_word32(hash, word_at(text, at)), at + 4
  end
  while at <= #text do
    hash, at = mul(rol(tobit(hash + byte(text, at) * A5), 11), A1), at + 1
  end
  return avalanche32(hash)
end

M.text32 = text32          -- h32 of a string as a signed word

function M.words32(low, high, seed)
  local hash = tobit(seed + A5 + 8)
  return avalanche32(mix_word32(mix_word32(hash, low), high))
end

function M.h32(item, seed)
  if type(item) == "string" then return unsigned(text32(item, seed or 0)) end
  if type(item) ~= "number" then error("xxhash: the item must be a string or a number", 2) end
  local high, low = ieee754.double_words(item)
  return unsigned(M.words32(low, high, seed or 0))
end

-- ------------------------------------------------------------------ XXH64 --
-- A word of 64 bits is a pair high, low of words from 0 to 2^32 - 1.

local P1H, P1L = 0x9E3779B1, 0x85EBCA87
local P2H, P2L = 0xC2B2AE3D, 0x27D4EB4F
local P3H, P3L = 0x165667B1, 0x9E3779F9
local P4H, P4L = 0x85EBCA77, 0xC2B2AE63
local P5H, P5L = 0x27D4EB2F, 0x165667C5

local function add64(ah, al, bh, bl)
  local low = al + bl
  if low >= WORD then return (ah + bh + 1) % WORD, low - WORD end
  return (ah + bh) % WORD, low
end

local function mul64(ah, al, bh, bl)
  local a1, b1 = rshift(al, 16), rshift(bl, 16)
  local a0, b0 = band(al, 0xFFFF), band(bl, 0xFFFF)
  local low, middle = a0 * b0, a0 * b1 + a1 * b0
  local middle_low = middle % 65536
  low = low + middle_low * 65536
  local low_word = low % WORD
  local carry = (low - low_word) / WORD + (middle - middle_low) / 65536
  local high = unsigned(mul(ah, bl)) + unsigned(mul(al, bh)) + a1 * b1 + carry
  return high % WORD, low_word
end

local function rol64(h, l, n)
  if n >= 32 then h, l, n = l, h, n - 32 end
  if n == 0 then return h, l end
  return unsigned(bor(lshift(h, n), rshift(l, 32 - n))), unsigned(bor(lshift(l, n), rshift(h, 32 - n)))
end

local function xor64(ah, al, bh, bl) return unsigned(bxor(ah, bh)), unsigned(bxor(al, bl)) end

-- x ~ (x >> n)
local function xor_shifted(h, l, n)
  if n >= 32 then return h, unsigned(bxor(l, rshift(h, n - 32))) end
  return xor64(h, l, unsigned(rshift(h, n)), unsigned(bor(rshift(l, n), lshift(h, 32 - n))))
end

local function round64(h, l, wh, wl)
  h, l = add64(h, l, mul64(wh, wl, P2H, P2L))
  h, l = rol64(h, l, 31)
  return mul64(h, l, P1H, P1L)
end

local function merge64(h, l, sh, sl)
  h, l = xor64(h, l, round64(0, 0, sh, sl))
  h, l = mul64(h, l, P1H, P1L)
  return add64(h, l, P4H, P4L)
end

local function pair_at(text, at) return unsigned(word_at(text, at + 4)), unsigned(word_at(text, at)) end

local function start64(seed_high, seed_low)
  local sums = {}
  sums[1], sums[2] = add64(seed_high, seed_low, add64(P1H, P1L, P2H, P2L))
  sums[3], sums[4] = add64(seed_high, seed_low, P2H, P2L)
  sums[5], sums[6] = seed_high, seed_low
  local minus_high, minus_low = unsigned(bit.bnot(P1H)), unsigned(bit.bnot(P1L))
  sums[7], sums[8] = add64(seed_high, seed_low, add64(minus_high, minus_low, 0, 1))
  return sums
end

local ROTATIONS = {1, 7, 12, 18}

local function stripes64(text, seed_high, seed_low)
  local sums, at = start64(seed_high, seed_low), 1
  while at + 31 <= #text do
    for i = 1, 7, 2 do
      sums[i], sums[i + 1] = round64(sums[i], sums[i + 1], pair_at(text, at + (i - 1) * 4))
    end
    at = at + 32
  end
  local h, l = 0, 0
  for i = 1, 4 do h, l = add64(h, l, rol64(sums[i * 2 - 1], sums[i * 2], ROTATIONS[i])) end
  for i = 1, 7, 2 do h, l = merge64(h, l, sums[i], sums[i + 1]) end
  return h, l, at
end

local function tail64(text, at, h, l)
  while at + 7 <= #text do
    h, l = xor64(h, l, round64(0, 0, pair_at(text, at)))
    h, l = rol64(h, l, 27)
    h, l = add64(P4H, P4L, mul64(h, l, P1H, P1L))
    at = at + 8
  end
  if at + 3 <= #text then
    h, l = xor64(h, l, mul64(0, unsigned(word_at(text, at)), P1H, P1L))
    h, l = rol64(h, l, 23)
    h, l = add64(P3H, P3L, mul64(h, l, P2H, P2L))
    at = at + 4
  end
  for i = at, #text do
    h, l = xor64(h, l, mul64(0, byte(text, i), P5H, P5L))
    h, l = rol64(h, l, 11)
    h, l = mul64(h, l, P1H, P1L)
  end
  return h, l
end

local function text64(text, seed)
  local seed_low = seed % WORD
  local seed_high = (seed - seed_low) / WORD % WORD
  local h, l, at
  if #text >= 32 then
    h, l, at = stripes64(text, seed_high, seed_low)
  else
    h, l = add64(seed_high, seed_low, P5H, P5L)
    at = 1
  end
  h, l = tail64(text, at, add64(h, l, 0, #text))
  h, l = mul64(P2H, P2L, xor_shifted(h, l, 33))
  h, l = mul64(P3H, P3L, xor_shifted(h, l, 29))
  return xor_shifted(h, l, 32)
end

local function bytes_of(word)
  return char(band(word, 255), band(rshift(word, 8), 255), band(rshift(word, 16), 255), band(rshift(word, 24), 255))
end

function M.h64(item, seed)
  if type(item) == "number" then
    local high, low = ieee754.double_words(item)
    item = bytes_of(low) .. bytes_of(high)
  elseif type(item) ~= "string" then
    error("xxhash: the item must be a string or a number", 2)
  end
  local high, low = text64(item, seed or 0)
  return high * WORD + low, high, low
end

function M.version() return "1.0.0" end

return M
