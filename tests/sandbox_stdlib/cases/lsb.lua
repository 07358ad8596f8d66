local stats, util = require "lsb.stats", require "lsb.util"

local NAN = 0 / 0

case("statistics leave out nan and holes", function()
  local list = {1, NAN, 4, 1}
  same({stats.sum(list)}, {6, 3})
  same({stats.avg(list)}, {2, 3})
  same({stats.min(list)}, {1, 3})
  same({stats.max(list)}, {4, 3})
  same({stats.variance(list)}, {2, 3})
  close(stats.sd(list), math.sqrt(2), 1e-12)
  same({stats.sum(list, 3, 4)}, {5, 2})
  same({stats.avg {}}, {0, 0})
  same({stats.min {NAN}}, {NAN, 0})
  same({stats.variance {}}, {0, 0})
end)

case("the normal distribution and ranks", function()
  close(stats.ndtr(0), 0.5, 1e-6)
  close(stats.ndtr(1.96), 0.9750021, 1e-6)
  close(stats.ndtr(-1.96), 0.0249979, 1e-6)
  local x, y = {}, {}
  for i = 1, 30 do
    x[i], y[i] = i, i + 15
  end
  local u, p = stats.mannwhitneyu(x, y)
  same(u, 112.5)
  assert(p < 0.001)
  same(stats.mannwhitneyu({1, 1}, {1, 1}), nil)
end)

case("tables", function()
  local keys = {}
  for key, value in util.pairs_by_key {b = 2, a = 1, c = 3} do keys[#keys + 1] = key .. value end
  same(keys, {"a1", "b2", "c3"})
  for key in util.pairs_by_key({1, 2}, function(a, b) return a > b end) do keys[#keys + 1] = key end
  same({keys[4], keys[5]}, {2, 1})
  same(util.merge_objects({a = 1, l = {1, 1}, s = "x", t = 1}, {a = 5, l = {0, 2, 3}, s = "y", t = "no", new = {z = 1}}),
    {a = 6, l = {1, 3, 3}, s = "y", t = 1, new = {z = 1}})
  same({util.merge_objects(nil, 1), util.merge_objects(1, nil)}, {1, 1})
  local list = {1, 2, 3}
  util.behead_array(3, list)
  same(list, {3})
end)
