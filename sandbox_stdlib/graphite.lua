--[[
Builds lines for Graphite in the format of statsd.

- `count_rate(bucket, count, interval_s, now_s)` -> two lines: stats.counters.BUCKET.count and .rate
- `multi_counts_rates(counts, interval_s, now_s)`: the same for a table of bucket -> count, by name
- `timeseries_metrics(bucket, times, interval_s, percent, now_s)` -> lines stats.timers.BUCKET. and count, count_ps,
  lower, upper, sum, mean, mean_PERCENT, upper_PERCENT (of the lowest `percent` of the times)
- `multi_timeseries_metrics(timers, interval_s, percent, now_s)`: the same for a table of bucket -> times
- `ns_to_sec(ns)` -> whole seconds

Source: the API and the line formats of Heka's graphite module.
--]]

local math = require "math"
local table = require "table"

local ipairs, pairs = ipairs, pairs
local floor = math.floor

local M = {}

function M.ns_to_sec(ns) return floor(ns / 1e9) end

local function sorted_names(of)
  local names = {}
  for name in pairs(of) do names[#names + 1] = name end
  table.sort(names)
  return names
end

function M.count_rate(bucket, count, interval_s, now_s)
  return ("stats.counters.%s.count %d %d\nstats.counters.%s.rate %f %d\n"):format(
    bucket, count, now_s, bucket, count / interval_s, now_s)
end

function M.multi_counts_rates(counts, interval_s, now_s)
  local lines = {}
  for i, bucket in ipairs(sorted_names(counts)) do
    lines[i] = M.count_rate(bucket, counts[bucket], interval_s, now_s)
  end
  return table.concat(lines)
end

local function sum_of(values, count)
  local sum = 0
  for i = 1, count do sum = sum + values[i] end
  return sum
end

-- Returns the mean and the maximum of the lowest `percent`.
local function within(sorted, percent)
  local count = #sorted
  local kept = count - floor((100 - percent) / 100 * count + 0.5)
  if kept <= 0 then return sorted[1], sorted[count] end
  return sum_of(sorted, kept) / kept, sorted[kept]
end

local function statistics(times, interval_s, percent)
  local count = #times
  if count == 0 then return {{"count_ps", 0}, {"lower", 0}, {"upper", 0}, {"sum", 0}, {"mean", 0}}, 0, 0 end
  local sorted = {}
  for i, time in ipairs(times) do sorted[i] = time end
  table.sort(sorted)
  local sum = sum_of(sorted, count)
  local list = {{"count_ps", count / interval_s}, {"lower", sorted[1]}, {"upper", sorted[count]}, {"sum", sum},
    {"mean", sum / count}}
  return list, within(sorted, percent)
end

function M.timeseries_metrics(bucket, times, interval_s, percent, now_s)
  local list, mean, upper = statistics(times, interval_s, percent)
  list[#list + 1] = {("mean_%d"):format(percent), mean}
  list[#list + 1] = {("upper_%d"):format(percent), upper}
  local lines = {("stats.timers.%s.count %d %d\n"):format(bucket, #times, now_s)}
  for i, item in ipairs(list) do
    lines[i + 1] = ("stats.timers.%s.%s %f %d\n"):format(bucket, item[1], item[2], now_s)
  end
  return table.concat(lines)
end

function M.multi_timeseries_metrics(timers, interval_s, percent, now_s)
  local lines = {}
  for i, bucket in ipairs(sorted_names(timers)) do
    lines[i] = M.timeseries_metrics(bucket, timers[bucket], interval_s, percent, now_s)
  end
  return table.concat(lines)
end

return M
