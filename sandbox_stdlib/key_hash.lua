--[[
Two independent hashes of a key, for sketches: hyperloglog, bloom_filter, cuckoo_filter, count sketches.

- `pair(key)` -> two signed 32-bit words. A key is a string or a number. A whole number is hashed by its value, any
  other number by its double. The string "1" and the number 1 are different keys. Other types are errors.

Source: XXH32 (module xxhash) with two seeds.
--]]

local ieee754 = require "ieee754"
local xxhash = require "xxhash"

local error, type = error, type
local text32, words32 = xxhash.text32, xxhash.words32

local M = {}

local WORD, SEED = 2 ^ 32, 0x51ED270B
local EXACT = 2 ^ 53

function M.pair(key)
  if type(key) == "string" then return text32(key, 0), text32(key, SEED) end
  if type(key) ~= "number" then error("the key must be a string or a number", 3) end
  local high, low
  if key % 1 == 0 and key < EXACT and key > -EXACT then
    low = key % WORD
    high = (key - low) / WORD % WORD
  else
    high, low = ieee754.double_words(key)
  end
  return words32(low, high, 0), words32(low, high, SEED)
end

return M
