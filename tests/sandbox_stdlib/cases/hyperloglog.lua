local hyperloglog = require "hyperloglog"

case("small sets are counted nearly exactly", function()
  local hll = hyperloglog.new()
  same(hll:count(), 0)
  same({hll:add "test", hll:add "test", hll:count()}, {true, false, 1})
  for i = 1, 500 do hll:add(i) end
  close(hll:count(), 501, 2)
  hll:clear()
  same(hll:count(), 0)
end)

case("numbers and strings are different keys", function()
  local hll = hyperloglog.new(10)
  same({hll:add(1), hll:add "1", hll:add(1.5), hll:add(-1), hll:add(2 ^ 60), hll:count()}, {true, true, true, true, true, 5})
end)

case("merging", function()
  local a, b = hyperloglog.new(12), hyperloglog.new(12)
  for i = 1, 2000 do a:add(i) end
  for i = 1001, 3000 do b:add(i) end
  close(hyperloglog.count(a, b), 3000, 150)
  close(a:count(), 2000, 100)
  same(a:merge(b), a)
  same(a:count(), hyperloglog.count(a, b))
  fails("precisions differ", a.merge, a, hyperloglog.new(13))
  fails("not a hyperloglog", a.merge, a, {})
end)

case("text", function()
  local a, b = hyperloglog.new(8), hyperloglog.new()
  for i = 1, 1000 do a:add("key" .. i) end
  b:fromstring(tostring(a))
  same(b.words, a.words)
  same(b:count(), a:count())
  same(#tostring(a), 5 + 256)
  fails("not the text", b.fromstring, b, "hll08xx")
  fails("not the text", b.fromstring, b, nil)
end)

case("errors and state", function()
  fails("precision", hyperloglog.new, 3)
  fails("precision", hyperloglog.new, 17)
  fails("string or a number", hyperloglog.new().add, hyperloglog.new(), nil)
  same(getmetatable(hyperloglog.new()).__name, "hyperloglog")
end)
