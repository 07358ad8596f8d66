--[[
Bloom filter: a set of keys in little memory. It can report a key that was never added, but never misses one.

    local bloom_filter = require "bloom_filter"
    local seen = bloom_filter.new(100000, 0.01)
    if seen:add(key) then ... end                  -- the first time

- `new(items, probability)`: for up to `items` keys (> 1), with a false positive probability between 0 and 1. It needs
  1.44 log2(1 / probability) bits per item and takes twice that much memory.
- `bf:add(key)` -> true if the key was added, false if it was (or seemed to be) present. A key is a string or a number.
- `bf:query(key)` -> true if it is present
- `bf:count()` -> number of adds that returned true; `bf:clear()`
- `tostring(bf)`, `bf:fromstring(text)`: the count and the bits as hexadecimal text, for a filter of the same size
- `version()`

The state is plain data, the metatable is named "bloom_filter".

Source: B. H. Bloom (1970); the k places come from two hashes by enhanced double hashing (P. C. Dillinger and
P. Manolios, 2004).
--]]

local bit = require "bit"
local key_hash = require "key_hash"
local math = require "math"
local table = require "table"

local error, ipairs, setmetatable, tonumber, type = error, ipairs, setmetatable, tonumber, type
local band, bor, lshift, tobit, tohex = bit.band, bit.bor, bit.lshift, bit.tobit, bit.tohex
local ceil, floor, log, max = math.ceil, math.floor, math.log, math.max
local pair = key_hash.pair

local WORD = 2 ^ 32

local methods = {}
local metatable = {__index = methods, __name = "bloom_filter"}
local M = {metatables = {bloom_filter = metatable}}

function M.version() return "1.0.0" end

function methods.clear(bf)
  bf.words, bf.items_added = {}, 0
  for i = 1, ceil(bf.bits / 32) do bf.words[i] = 0 end
end

function M.new(items, probability)
  if type(items) ~= "number" or items % 1 ~= 0 or items < 2 then
    error("bloom_filter: items must be a whole number above 1", 2)
  end
  if type(probability) ~= "number" or not (probability > 0 and probability < 1) then
    error("bloom_filter: the probability must be between 0 and 1", 2)
  end
  local bits = ceil(-items * log(probability) / log(2) ^ 2)
  local bf = {bits = bits, hashes = max(1, floor(bits / items * log(2) + 0.5))}
  methods.clear(bf)
  return setmetatable(bf, metatable)
end

function methods.query(bf, key)
  local place, step = pair(key)
  place, step = place % WORD % bf.bits, step % WORD % bf.bits
  for i = 1, bf.hashes do
    if band(bf.words[floor(place / 32) + 1], lshift(1, place % 32)) == 0 then return false end
    place, step = (place + step) % bf.bits, (step + i) % bf.bits
  end
  return true
end

function methods.add(bf, key)
  local words, bits, is_new = bf.words, bf.bits, false
  local place, step = pair(key)
  place, step = place % WORD % bits, step % WORD % bits
  for i = 1, bf.hashes do
    local at, mask = floor(place / 32) + 1, lshift(1, place % 32)
    if band(words[at], mask) == 0 then words[at], is_new = bor(words[at], mask), true end
    place, step = (place + step) % bits, (step + i) % bits
  end
  if is_new then bf.items_added = bf.items_added + 1 end
  return is_new
end

function methods.count(bf) return bf.items_added end

function metatable.__tostring(bf)
  local parts = {}
  for i, word in ipairs(bf.words) do parts[i] = tohex(word) end
  return ("bloom %d %d %d "):format(bf.bits, bf.hashes, bf.items_added) .. table.concat(parts)
end

function methods.fromstring(bf, text)
  local bits, hashes, count, words = (type(text) == "string" and text or ""):match "^bloom (%d+) (%d+) (%d+) (%x*)$"
  if tonumber(bits) ~= bf.bits or tonumber(hashes) ~= bf.hashes or #words ~= #bf.words * 8 then
    error("bloom_filter: not the text of a filter of this size", 2)
  end
  bf.items_added = tonumber(count)
  for i = 1, #bf.words do bf.words[i] = tobit(tonumber(words:sub(i * 8 - 7, i * 8), 16)) end
end

return M
