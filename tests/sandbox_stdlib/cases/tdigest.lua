local tdigest = require "tdigest"
local nan = 0 / 0

case("nothing, and one value", function()
  local td = tdigest.new()
  same({td:quantile(0.5), td:cdf(1), td:min(), td:max(), td:mean(), td:count()}, {nan, nan, nan, nan, nan, 0})
  td:add(7)
  same({td:quantile(0), td:quantile(0.5), td:quantile(1), td:count(), td:mean()}, {7, 7, 7, 1, 7})
  td:add(nan)
  same(td:count(), 1)
end)

case("an even spread", function()
  local td = tdigest.new(100)
  for i = 1, 10000 do td:add(i * 7919 % 10007) end
  for _, q in ipairs{0.01, 0.25, 0.5, 0.75, 0.99} do close(td:quantile(q), q * 10007, 30) end
  close(td:cdf(5003), 0.5, 0.003)
  same({td:cdf(-1), td:cdf(10007)}, {0, 1})
  assert(#td.means <= 100, #td.means)
end)

case("the ends are exact", function()
  local td = tdigest.new()
  for i = 1, 5000 do td:add(i % 1000) end
  same({td:quantile(0), td:quantile(1), td:min(), td:max(), td:count()}, {0, 999, 0, 999, 5000})
end)

case("weights", function()
  local a, b = tdigest.new(), tdigest.new()
  for i = 1, 100 do
    a:add(i, 3)
    for _ = 1, 3 do b:add(i) end
  end
  same({a:count(), a:mean()}, {b:count(), b:mean()})
  close(a:quantile(0.5), b:quantile(0.5), 1)
end)

case("merged is as if added", function()
  local a, b, all = tdigest.new(), tdigest.new(), tdigest.new()
  for i = 1, 5000 do
    local value = i * 7919 % 10007
    all:add(value)
    if i % 2 == 0 then a:add(value) else b:add(value) end
  end
  same(a:merge(b), a)
  same({a:count(), a:min(), a:max()}, {5000, all:min(), all:max()})
  for _, q in ipairs{0.05, 0.5, 0.95} do close(a:quantile(q), all:quantile(q), 60) end
  fails("not a tdigest", a.merge, a, {})
end)

case("errors, clear and state", function()
  local td = tdigest.new()
  fails("compression", tdigest.new, 1)
  fails("a number", td.add, td, "1")
  fails("greater than 0", td.add, td, 1, 0)
  fails("from 0 to 1", td.quantile, td, 1.1)
  td:add(1)
  td:clear()
  same(td:count(), 0)
  same(getmetatable(td).__name, "tdigest")
end)
