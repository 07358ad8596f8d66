--[[
Cuckoo filter: a set of keys in little memory, like a Bloom filter, but with deletion.

    local cuckoo_filter = require "cuckoo_filter"
    local open = cuckoo_filter.new(10000)
    open:add(session)
    open:delete(session)

- `new(items)`: for up to `items` keys (at least 4). The probability of a false positive is below 0.0001 (fingerprints of 16
  bits). It takes 3 to 6 bytes per item.
- `cf:add(key)` -> true if the key was added, false if it was (or seemed to be) present; an error when the filter is
  full, which leaves it unchanged. A key is a string or a number.
- `cf:delete(key)` -> true if it was present. Delete only what was added: another key may share its fingerprint.
- `cf:query(key)` -> true if it is present
- `cf:count()` -> number of keys; `cf:clear()`; `version()`

The state is plain data, the metatable is named "cuckoo_filter".

Source: B. Fan et al., Cuckoo Filter: Practically Better Than Bloom (2014); three fingerprints to a bucket, so that a
bucket is one number.
--]]

local bit = require "bit"
local key_hash = require "key_hash"
local math = require "math"
local xxhash = require "xxhash"

local error, setmetatable, type = error, setmetatable, type
local band, bxor = bit.band, bit.bxor
local ceil, floor = math.ceil, math.floor
local pair, words32 = key_hash.pair, xxhash.words32

local SLOTS = 3
local MAX_LOAD = 0.9                -- share of the slots; beyond 0.95, inserts often fail
local MAX_MOVES = 500
local STEP = 65536
local SCALE = {1, STEP, STEP * STEP}

local methods = {}
local metatable = {__index = methods, __name = "cuckoo_filter"}
local M = {metatables = {cuckoo_filter = metatable}}

function M.version() return "1.0.0" end

function methods.clear(cf)
  cf.items, cf.victim, cf.table = 0, 1, {}
  for i = 1, cf.buckets do cf.table[i] = 0 end
end

function M.new(items)
  if type(items) ~= "number" or items % 1 ~= 0 or items < 4 then
    error("cuckoo_filter: items must be a whole number of at least 4", 2)
  end
  local buckets = 1
  while buckets < ceil(items / SLOTS / MAX_LOAD) do buckets = buckets * 2 end
  local cf = {buckets = buckets}
  methods.clear(cf)
  return setmetatable(cf, metatable)
end

-- Returns the other bucket for a fingerprint. It is an exclusive or, so it also maps back.
local function other(cf, bucket, fingerprint)
  return band(bxor(bucket - 1, words32(fingerprint, 0, 0)), cf.buckets - 1) + 1
end

local function places(cf, key)
  local first, second = pair(key)
  local fingerprint, bucket = band(second, STEP - 1), band(first, cf.buckets - 1) + 1
  if fingerprint == 0 then fingerprint = 1 end       -- 0 is a free slot
  return fingerprint, bucket, other(cf, bucket, fingerprint)
end

-- Returns the slot of a bucket with a fingerprint (0: a free slot).
local function slot_of(cf, bucket, fingerprint)
  local content = cf.table[bucket]
  for slot = 1, SLOTS do
    local held = content % STEP
    if held == fingerprint then return slot end
    content = (content - held) / STEP
  end
end

local function exchange(cf, bucket, slot, fingerprint)
  local content = cf.table[bucket]
  local held = floor(content / SCALE[slot]) % STEP
  cf.table[bucket] = content + (fingerprint - held) * SCALE[slot]
  return held
end

local function put(cf, bucket, fingerprint)
  local slot = slot_of(cf, bucket, 0)
  if slot then exchange(cf, bucket, slot, fingerprint) end
  return slot ~= nil
end

-- Moves fingerprints to their other buckets until one has room; undoes all moves if there is none.
local function make_room(cf, bucket, fingerprint)
  local trail = {}
  for moves = 1, MAX_MOVES do
    local slot = cf.victim
    cf.victim = slot % SLOTS + 1
    trail[moves] = {bucket, slot}
    fingerprint = exchange(cf, bucket, slot, fingerprint)
    bucket = other(cf, bucket, fingerprint)
    if put(cf, bucket, fingerprint) then return true end
  end
  for moves = MAX_MOVES, 1, -1 do
    fingerprint = exchange(cf, trail[moves][1], trail[moves][2], fingerprint)
  end
  return false
end

function methods.query(cf, key)
  local fingerprint, first, second = places(cf, key)
  return slot_of(cf, first, fingerprint) ~= nil or slot_of(cf, second, fingerprint) ~= nil
end

function methods.add(cf, key)
  local fingerprint, first, second = places(cf, key)
  if slot_of(cf, first, fingerprint) or slot_of(cf, second, fingerprint) then return false end
  if not (put(cf, first, fingerprint) or put(cf, second, fingerprint) or make_room(cf, first, fingerprint)) then
    error("cuckoo_filter: the filter is full", 2)
  end
  cf.items = cf.items + 1
  return true
end

function methods.delete(cf, key)
  local fingerprint, first, second = places(cf, key)
  local bucket, slot = first, slot_of(cf, first, fingerprint)
  if not slot then bucket, slot = second, slot_of(cf, second, fingerprint) end
  if not slot then return false end
  exchange(cf, bucket, slot, 0)
  cf.items = cf.items - 1
  return true
end

function methods.count(cf) return cf.items end

return M
