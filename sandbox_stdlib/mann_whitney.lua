--[[
The Mann-Whitney rank test, which tests if two samples have the same distribution.

- `test(x, y, use_continuity)` -> U of x, p. U is the number of pairs in which the value of x is larger than that of y; a
  tie counts as half. p is one-sided, from the normal approximation with correction for ties, and for continuity if
  requested; it is accurate for samples of more than 20. Returns nil if all values are equal. nan sorts below all numbers.
- `normal_tail(z)`: the probability of a normal variable above z, with a relative error of 1.2e-7

Source: H. B. Mann, D. R. Whitney, Annals of Mathematical Statistics 18 (1947); ranks averaged within ties, and the
variance reduced by the sum of t^3 - t over ties. normal_tail: the Chebyshev fit of erfc in Numerical Recipes, 6.2.
--]]

local math = require "math"
local table = require "table"

local abs, exp, max, sqrt = math.abs, math.exp, math.max, math.sqrt

local M = {}

local ERFC = {
  0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
  -1.26551223,
}

function M.normal_tail(z)
  local x = abs(z) / sqrt(2)
  local t = 1 / (1 + 0.5 * x)
  local sum = ERFC[1]
  for i = 2, #ERFC do sum = sum * t + ERFC[i] end
  local erfc = t * exp(-x * x + sum)
  return 0.5 * (z >= 0 and erfc or 2 - erfc)
end

local function less(a, b)
  if a.value ~= a.value then return b.value == b.value end
  return a.value < b.value
end

local function same(a, b) return a == b or a ~= a and b ~= b end

local function pooled(x, y)
  local all = {}
  for i = 1, #x do all[i] = {value = x[i], of_x = true} end
  for i = 1, #y do all[#x + i] = {value = y[i], of_x = false} end
  table.sort(all, less)
  return all
end

-- Returns the sum of x's ranks, and the sum of t^3 - t over ties of t values.
local function rank(all)
  local sum, ties, first = 0, 0, 1
  while first <= #all do
    local last = first
    while last < #all and same(all[last + 1].value, all[first].value) do last = last + 1 end
    for i = first, last do
      if all[i].of_x then sum = sum + (first + last) / 2 end
    end
    local tied = last - first + 1
    ties = ties + tied ^ 3 - tied
    first = last + 1
  end
  return sum, ties
end

function M.test(x, y, use_continuity)
  local n, m = #x, #y
  local all = n + m
  local sum, ties = rank(pooled(x, y))
  local u = sum - n * (n + 1) / 2
  local tie_factor = 1 - ties / (all ^ 3 - all)
  if tie_factor <= 0 then return nil end
  local deviation = sqrt(tie_factor * n * m * (all + 1) / 12)
  local larger = max(u, n * m - u)
  local z = (larger - (use_continuity and 0.5 or 0) - n * m / 2) / deviation
  return u, M.normal_tail(abs(z))
end

return M
