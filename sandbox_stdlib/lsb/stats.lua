--[[
Statistics of lists of numbers, as in Hindsight. nan and holes are ignored.

- `sum(list [, first = 1 [, last = #list] ])`, `avg(...)`, `min(...)`, `max(...)`, `variance(...)`, `sd(...)` -> value, count of
  numbers. Without numbers, sum and avg are 0, min and max nan. Variance is that of the whole population.
- `ndtr(x)` -> the probability of a normal variable below x
- `mannwhitneyu(x, y [, use_continuity = true])` -> U of x, one-sided p; nil when all values are the same. See mann_whitney.
--]]

local mann_whitney = require "mann_whitney"
local math = require "math"

local huge, sqrt = math.huge, math.sqrt
local NAN = 0 / 0

local M = {}

-- Calls visit for each number. Returns their count.
local function each(list, first, last, visit)
  local count = 0
  for i = first or 1, last or #list do
    local value = list[i]
    if value and value == value then
      visit(value)
      count = count + 1
    end
  end
  return count
end

function M.sum(list, first, last)
  local sum = 0
  local count = each(list, first, last, function(value) sum = sum + value end)
  return sum, count
end

function M.avg(list, first, last)
  local sum, count = M.sum(list, first, last)
  return count == 0 and 0 or sum / count, count
end

function M.min(list, first, last)
  local least = huge
  local count = each(list, first, last, function(value) least = value < least and value or least end)
  return count == 0 and NAN or least, count
end

function M.max(list, first, last)
  local most = -huge
  local count = each(list, first, last, function(value) most = value > most and value or most end)
  return count == 0 and NAN or most, count
end

function M.variance(list, first, last)
  local mean, count = M.avg(list, first, last)
  local squares = 0
  each(list, first, last, function(value) squares = squares + (value - mean) ^ 2 end)
  return count == 0 and 0 or squares / count, count
end

function M.sd(list, first, last)
  local variance, count = M.variance(list, first, last)
  return sqrt(variance), count
end

function M.ndtr(x)
  if x ~= x then return x end
  return mann_whitney.normal_tail(-x)
end

function M.mannwhitneyu(x, y, use_continuity)
  return mann_whitney.test(x, y, use_continuity ~= false)
end

return M
