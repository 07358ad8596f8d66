--[[
Exponential histogram: the distribution of values over many orders of magnitude, in little memory; merges are exact.

    local exponential_histogram = require "exponential_histogram"
    local sizes = exponential_histogram.new()
    sizes:add(read_message "Fields[body_bytes_sent]")
    local p99 = sizes:quantile(0.99)

- `new([buckets = 160 [, scale = 8] ])`: the maximum number of buckets (at least 2) for each sign. A bucket reaches from
  base^i to base^(i + 1) with base = 2^(2^-scale). If the values spread too far, the scale is lowered, and pairs of
  buckets are merged.
- `h:add(value [, count = 1])`: nan and infinities are ignored. 0 has its own bucket.
- `h:quantile(q)` -> a value with an error of at most half a bucket, relatively (base - 1) / (base + 1); nan without values
- `h:count()`, `h:sum()`, `h:min()`, `h:max()`: exact; `h:scale()`: the current scale
- `h:buckets()` -> list of {from=, to=, count=}, lowest first, without empty ones
- `h:merge(other)` -> h; `h:clear()`

The state is plain data, the metatable is named "exponential_histogram".

Source: the exponential histogram of OpenTelemetry's metrics data model.
--]]

local math = require "math"
local table = require "table"

local error, getmetatable, ipairs, pairs, setmetatable, type =
  error, getmetatable, ipairs, pairs, setmetatable, type
local floor, huge, log, max, min = math.floor, math.huge, math.log, math.max, math.min

local LN2 = log(2)

local methods = {}
local metatable = {__index = methods, __name = "exponential_histogram"}
local M = {metatables = {exponential_histogram = metatable}}

function methods.clear(h)
  h.current_scale = h.first_scale
  h.positive, h.negative = {}, {}         -- bucket index -> count
  h.zero, h.total, h.added, h.least, h.most = 0, 0, 0, huge, -huge
end

function M.new(buckets, scale)
  buckets, scale = buckets or 160, scale or 8
  if type(buckets) ~= "number" or buckets < 2 or buckets % 1 ~= 0 then
    error("exponential_histogram: the buckets must be a whole number above 1", 2)
  end
  if type(scale) ~= "number" or scale % 1 ~= 0 or scale < -10 or scale > 20 then
    error("exponential_histogram: the scale must be a whole number from -10 to 20", 2)
  end
  local h = {most_buckets = buckets, first_scale = scale}
  methods.clear(h)
  return setmetatable(h, metatable)
end

local function extent(side)
  local low, high = huge, -huge
  for index in pairs(side) do low, high = min(low, index), max(high, index) end
  return low, high
end

local function halved(side)
  local merged = {}
  for index, count in pairs(side) do
    local new = floor(index / 2)
    merged[new] = (merged[new] or 0) + count
  end
  return merged
end

local function lower_scale(h)
  h.current_scale = h.current_scale - 1
  h.positive, h.negative = halved(h.positive), halved(h.negative)
end

local function fits(h, side)
  local low, high = extent(side)
  return high - low < h.most_buckets
end

local function settle(h)
  while not (fits(h, h.positive) and fits(h, h.negative)) do lower_scale(h) end
end

function methods.add(h, value, count)
  if type(value) ~= "number" then error("exponential_histogram: the value must be a number", 2) end
  if value ~= value or value == huge or value == -huge then return end
  count = count or 1
  h.total, h.added = h.total + count, h.added + value * count
  h.least, h.most = min(h.least, value), max(h.most, value)
  if value == 0 then
    h.zero = h.zero + count
    return
  end
  local side = value > 0 and h.positive or h.negative
  local index = floor(log(value > 0 and value or -value) / LN2 * 2 ^ h.current_scale)
  local known = side[index]
  side[index] = (known or 0) + count
  if not known then settle(h) end
end

function methods.merge(h, other)
  if getmetatable(other) ~= metatable then error("exponential_histogram: not an exponential_histogram", 2) end
  while h.current_scale > other.current_scale do lower_scale(h) end
  local down = 2 ^ (other.current_scale - h.current_scale)
  for _, name in ipairs{"positive", "negative"} do
    for index, count in pairs(other[name]) do
      local new = floor(index / down)
      h[name][new] = (h[name][new] or 0) + count
    end
  end
  h.zero, h.total, h.added = h.zero + other.zero, h.total + other.total, h.added + other.added
  h.least, h.most = min(h.least, other.least), max(h.most, other.most)
  settle(h)
  return h
end

local function by_from(a, b) return a.from < b.from end

function methods.buckets(h)
  local base, list = 2 ^ 2 ^ -h.current_scale, {}
  for index, count in pairs(h.positive) do
    list[#list + 1] = {from = base ^ index, to = base ^ (index + 1), count = count}
  end
  for index, count in pairs(h.negative) do
    list[#list + 1] = {from = -base ^ (index + 1), to = -base ^ index, count = count}
  end
  if h.zero > 0 then list[#list + 1] = {from = 0, to = 0, count = h.zero} end
  table.sort(list, by_from)
  return list
end

function methods.quantile(h, q)
  if type(q) ~= "number" or not (q >= 0 and q <= 1) then
    error("exponential_histogram: a quantile is from 0 to 1", 2)
  end
  local before, wanted = 0, q * h.total
  for _, bucket in ipairs(h:buckets()) do
    before = before + bucket.count
    if before >= wanted then
      local from, to = bucket.from, bucket.to
      local middle = from == 0 and 0 or 2 * from * to / (from + to)      -- the same relative error to both ends
      return min(max(middle, h.least), h.most)
    end
  end
  return 0 / 0
end

function methods.count(h) return h.total end

function methods.sum(h) return h.added end

function methods.scale(h) return h.current_scale end

function methods.min(h) return h.total > 0 and h.least or 0 / 0 end

function methods.max(h) return h.total > 0 and h.most or 0 / 0 end

return M
