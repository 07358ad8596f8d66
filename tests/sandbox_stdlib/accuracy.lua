-- Runs of a million values, for test_accuracy.py; each returns numbers to be judged there.
local hyperloglog = require "hyperloglog"

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

return M
