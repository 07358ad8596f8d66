local exponential_histogram = require "exponential_histogram"

case("quantiles over five orders of magnitude", function()
  local h = exponential_histogram.new()
  for i = 1, 10000 do h:add(10 ^ (i / 2000)) end
  for _, q in ipairs{0.01, 0.5, 0.95, 0.99} do
    local exact = 10 ^ (q * 5)
    close(h:quantile(q), exact, exact * 0.06)
  end
  same({h:count(), h:max(), #h:buckets() <= 160}, {10000, 1e5, true})
end)

case("a narrow range stays fine", function()
  local h = exponential_histogram.new()
  for i = 1000, 1100 do h:add(i) end
  same(h:scale(), 8)
  close(h:quantile(0.5), 1050, 4)
end)

case("zero, negative values and what is left out", function()
  local h = exponential_histogram.new(10, 0)
  for _, value in ipairs{-4, -1.5, 0, 0, 3, 0 / 0, 1 / 0} do h:add(value) end
  same(h:buckets(), {{from = -8, to = -4, count = 1}, {from = -2, to = -1, count = 1}, {from = 0, to = 0, count = 2},
    {from = 2, to = 4, count = 1}})
  same({h:count(), h:sum(), h:min(), h:max()}, {5, -2.5, -4, 3})
  same({h:quantile(0), h:quantile(0.5), h:quantile(1)}, {-4, 0, 8 / 3})
end)

case("merging is exact", function()
  local a, b, all = exponential_histogram.new(20), exponential_histogram.new(20), exponential_histogram.new(20)
  for i = 1, 1000 do
    local value = (i * 7919 % 1009 + 1) ^ (i % 3 + 1);
    (i % 2 == 0 and a or b):add(value)
    all:add(value)
  end
  a:merge(b)
  same(a:buckets(), all:buckets())
  same({a:count(), a:sum(), a:scale()}, {all:count(), all:sum(), all:scale()})
end)

case("errors and state", function()
  local h = exponential_histogram.new()
  same(h:quantile(0.5), 0 / 0)
  fails("buckets", exponential_histogram.new, 1)
  fails("scale", exponential_histogram.new, 10, 21)
  fails("a number", h.add, h, "1")
  fails("from 0 to 1", h.quantile, h, 2)
  same(getmetatable(h).__name, "exponential_histogram")
end)
