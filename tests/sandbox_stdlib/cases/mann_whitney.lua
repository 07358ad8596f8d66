local mann_whitney = require "mann_whitney"

case("the normal distribution", function()
  close(mann_whitney.normal_tail(0), 0.5, 1e-6)
  close(mann_whitney.normal_tail(1.6448536), 0.05, 1e-6)
  close(mann_whitney.normal_tail(-1.6448536), 0.95, 1e-6)
end)

case("samples that differ, that are alike, that are the same", function()
  local low, high = {}, {}
  for i = 1, 25 do low[i], high[i] = i, i + 20 end
  local u, p = mann_whitney.test(high, low, true)
  same(u, 612.5)
  assert(p < 1e-6, p)
  local _, alike = mann_whitney.test({1, 3, 5, 7}, {2, 4, 6, 8}, true)
  assert(alike > 0.2, alike)
  same(mann_whitney.test({1, 1}, {1, 1}, true), nil)
  same(mann_whitney.test({0 / 0, 5}, {1, 6}, true), 1)
end)
