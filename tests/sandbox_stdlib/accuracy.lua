-- Runs of a million values, for test_accuracy.py; each returns numbers to be judged there.
local hyperloglog = require "hyperloglog"
local space_saving = require "space_saving"
local tdigest = require "tdigest"

local M = {}

function M.hyperloglog(prefix)
  local hll = hyperloglog.new()
  local estimates = {}
  for i = 1, 1000000 do
    hll:add(prefix and prefix .. i or i)
    if i == 1000 or i == 30000 or i == 100000 or i == 300000 then estimates[#estimates + 1] = { i, hll:count() } end
  end
  estimates[#estimates + 1] = { 1000000, hll:count() }
  return estimates
end

-- A million log-normal values: the quantiles asked for, of one digest and of ten merged, and the exact ones.
function M.tdigest(...)
  local whole, parts, values = tdigest.new(), {}, {}
  for i = 1, 10 do parts[i] = tdigest.new() end
  math.randomseed(1)
  for i = 1, 1000000, 2 do
    local radius, angle = math.sqrt(-2 * math.log(1 - math.random())), 2 * math.pi * math.random()
    values[i], values[i + 1] = math.exp(radius * math.cos(angle)), math.exp(radius * math.sin(angle))
  end
  for i, value in ipairs(values) do
    whole:add(value)
    parts[i % 10 + 1]:add(value)
  end
  for i = 2, 10 do parts[1]:merge(parts[i]) end
  table.sort(values)
  local answers = {}
  for i, q in ipairs { ... } do
    answers[i] = { values[q * 1000000], whole:quantile(q), parts[1]:quantile(q) }
  end
  return answers
end

-- A million draws of 100,000 keys by Zipf's law: how many of the true top 20 are the top 20 of 1,000 kept keys.
function M.space_saving()
  local sums, sum = {}, 0
  for key = 1, 100000 do
    sum = sum + 1 / key
    sums[key] = sum
  end
  local kept = space_saving.new(1000)
  math.randomseed(2)
  for _ = 1, 1000000 do
    local draw, low, high = math.random() * sum, 1, 100000
    while low < high do
      local middle = math.floor((low + high) / 2)
      if sums[middle] < draw then low = middle + 1 else high = middle end
    end
    kept:add(low)
  end
  local found = 0
  for _, item in ipairs(kept:top(20)) do
    if item.key <= 20 then found = found + 1 end
  end
  return found
end

return M
