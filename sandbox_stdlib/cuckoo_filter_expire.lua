--[[
Cuckoo filter whose keys expire: the set of keys seen within the last 256 intervals.

    local cuckoo_filter_expire = require "cuckoo_filter_expire"
    local seen = cuckoo_filter_expire.new(100000, 60)        -- 256 hours
    if seen:add(client, read_message "Timestamp") then ... end

- `new(items, interval_size)`: for up to `items` keys (more than 256), in intervals of 1 to 1440 minutes. The probability of a
  false positive is below 4e-9 (fingerprints of 32 bits); it takes 11 to 22 bytes per item.
- `cf:add(key, ns)` -> true if the key was added; false if it was present (its time then advances to `ns`), or if `ns` is
  older than the window. A key is a string or a number. A later `ns` moves the window, and keys outside of it are removed.
  When the filter is four fifths full, its oldest interval is removed.
- `cf:query(key)` -> true if it is present; `cf:delete(key)` -> true if it was present
- `cf:count()` -> number of keys; `cf:clear()`; `version()`
- `cf:current_interval()` -> ns at which the newest interval begins, its number from 0 to 255

The state is plain data, the metatable is named "cuckoo_filter_expire".

Source: as cuckoo_filter, with four slots to a bucket; the API is Hindsight's.
--]]

local bit = require "bit"
local key_hash = require "key_hash"
local math = require "math"
local xxhash = require "xxhash"

local error, setmetatable, type = error, setmetatable, type
local band, bxor = bit.band, bit.bxor
local ceil, floor = math.ceil, math.floor
local pair, words32 = key_hash.pair, xxhash.words32

local SLOTS, INTERVALS, MAX_MOVES = 4, 256, 500
local MAX_LOAD = 0.8
local WORD = 2 ^ 32

local methods = {}
local metatable = {__index = methods, __name = "cuckoo_filter_expire"}
local M = {metatables = {cuckoo_filter_expire = metatable}}

function M.version() return "1.0.0" end

function methods.clear(cf)
  cf.items, cf.victim, cf.newest, cf.slots, cf.of_interval = 0, 1, 0, {}, {}
  for i = 1, cf.buckets * SLOTS do cf.slots[i] = 0 end
  for i = 1, INTERVALS do cf.of_interval[i] = 0 end
end

function M.new(items, interval_size)
  if type(items) ~= "number" or items % 1 ~= 0 or items <= 256 then
    error("cuckoo_filter_expire: items must be a whole number above 256", 2)
  end
  if type(interval_size) ~= "number" or not (interval_size >= 1 and interval_size <= 1440) then
    error("cuckoo_filter_expire: interval_size must be 1 to 1440 minutes", 2)
  end
  local buckets = 1
  while buckets < ceil(items / SLOTS) do buckets = buckets * 2 end
  local cf = {buckets = buckets, interval_ns = interval_size * 60e9}
  methods.clear(cf)
  return setmetatable(cf, metatable)
end

-- ------------------------------------------------------------------- slots --

-- A slot holds fingerprint * 256 + interval; 0 is a free one.

local function places(cf, key)
  local first, second = pair(key)
  local fingerprint, bucket = second % WORD, band(first, cf.buckets - 1)
  if fingerprint == 0 then fingerprint = 1 end
  return fingerprint, bucket
end

-- Returns the other bucket for a fingerprint. It also maps back.
local function other(cf, bucket, fingerprint)
  return band(bxor(bucket, words32(fingerprint, 0, 0)), cf.buckets - 1)
end

-- Returns the index of the slot with a fingerprint (0: a free slot).
local function slot_in(cf, bucket, fingerprint)
  local base = bucket * SLOTS
  for i = base + 1, base + SLOTS do
    if floor(cf.slots[i] / INTERVALS) == fingerprint then return i end
  end
end

local function slot_of(cf, fingerprint, bucket)
  return slot_in(cf, bucket, fingerprint) or slot_in(cf, other(cf, bucket, fingerprint), fingerprint)
end

local function count(cf, interval, change)
  cf.of_interval[interval + 1] = cf.of_interval[interval + 1] + change
  cf.items = cf.items + change
end

local function put(cf, bucket, content)
  local free = slot_in(cf, bucket, 0)
  if free then cf.slots[free] = content end
  return free ~= nil
end

-- Moves fingerprints to their other buckets until one has room; undoes all moves if there is none.
local function make_room(cf, bucket, content)
  local trail = {}
  for moves = 1, MAX_MOVES do
    local index = bucket * SLOTS + cf.victim
    cf.victim = cf.victim % SLOTS + 1
    trail[moves] = index
    content, cf.slots[index] = cf.slots[index], content
    bucket = other(cf, bucket, floor(content / INTERVALS))
    if put(cf, bucket, content) then return true end
  end
  for moves = MAX_MOVES, 1, -1 do
    local index = trail[moves]
    content, cf.slots[index] = cf.slots[index], content
  end
  return false
end

-- ------------------------------------------------------------------ expiry --

-- Empties the slots of the intervals for which goes(interval) is true.
local function forget(cf, goes)
  for i = 1, #cf.slots do
    local content = cf.slots[i]
    if content ~= 0 and goes[content % INTERVALS] then
      cf.slots[i] = 0
      count(cf, content % INTERVALS, -1)
    end
  end
end

-- Moves the window so that `newest` is its last interval.
local function advance(cf, newest)
  local goes, any = {}, false
  local first = newest - cf.newest >= INTERVALS and newest - INTERVALS + 1 or cf.newest + 1
  for interval = first, newest do
    local place = interval % INTERVALS
    goes[place] = true
    any = any or cf.of_interval[place + 1] > 0
  end
  cf.newest = newest
  if any then forget(cf, goes) end
end

local function remove_oldest(cf)
  for interval = cf.newest - INTERVALS + 1, cf.newest do
    local place = interval % INTERVALS
    if cf.of_interval[place + 1] > 0 then return forget(cf, {[place] = true}) end
  end
end

-- ----------------------------------------------------------------- methods --

local function refresh(cf, index, interval)
  local content = cf.slots[index]
  local old = content % INTERVALS
  local age_of_old, age_of_new = (cf.newest - old) % INTERVALS, (cf.newest - interval) % INTERVALS
  if age_of_new >= age_of_old then return end
  cf.slots[index] = content - old + interval
  count(cf, old, -1)
  count(cf, interval, 1)
end

function methods.add(cf, key, ns)
  if type(ns) ~= "number" or ns ~= ns or ns < 0 then error("cuckoo_filter_expire: the time must be nanoseconds", 2) end
  local interval = floor(ns / cf.interval_ns)
  if interval > cf.newest then advance(cf, interval) end
  local fingerprint, bucket = places(cf, key)
  if interval <= cf.newest - INTERVALS then return false end
  interval = interval % INTERVALS
  local index = slot_of(cf, fingerprint, bucket)
  if index then
    refresh(cf, index, interval)
    return false
  end
  if cf.items >= MAX_LOAD * #cf.slots then remove_oldest(cf) end
  local content, second = fingerprint * INTERVALS + interval, other(cf, bucket, fingerprint)
  while not (put(cf, bucket, content) or put(cf, second, content) or make_room(cf, bucket, content)) do
    remove_oldest(cf)
  end
  count(cf, interval, 1)
  return true
end

function methods.query(cf, key)
  return slot_of(cf, places(cf, key)) ~= nil
end

function methods.delete(cf, key)
  local index = slot_of(cf, places(cf, key))
  if not index then return false end
  count(cf, cf.slots[index] % INTERVALS, -1)
  cf.slots[index] = 0
  return true
end

function methods.count(cf) return cf.items end

function methods.current_interval(cf)
  return cf.newest * cf.interval_ns, cf.newest % INTERVALS
end

return M
