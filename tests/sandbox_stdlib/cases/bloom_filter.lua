local bloom_filter = require "bloom_filter"

case("add, query, count, clear", function()
  local bf = bloom_filter.new(1000, 0.01)
  same({bf:query "test", bf:add "test", bf:query "test", bf:add "test"}, {false, true, true, false})
  same({bf:add(1), bf:add "1", bf:add(1), bf:count()}, {true, true, false, 3})
  bf:clear()
  same({bf:query "test", bf:count()}, {false, 0})
end)

case("no false no, and false yes as seldom as promised", function()
  local bf = bloom_filter.new(1000, 0.01)
  for i = 1, 1000 do bf:add("in" .. i) end
  local wrong = 0
  for i = 1, 1000 do assert(bf:query("in" .. i)) end
  for i = 1, 5000 do
    if bf:query("out" .. i) then wrong = wrong + 1 end
  end
  assert(wrong < 100, wrong)
  assert(bf:count() > 985 and bf:count() <= 1000, bf:count())
end)

case("text", function()
  local a, b = bloom_filter.new(100, 0.001), bloom_filter.new(100, 0.001)
  for i = 1, 50 do a:add(i) end
  b:fromstring(tostring(a))
  same(b, a)
  same(b:query(50), true)
  fails("of this size", b.fromstring, b, tostring(bloom_filter.new(10, 0.1)))
  fails("of this size", b.fromstring, b, "x")
end)

case("errors and state", function()
  fails("items", bloom_filter.new, 1, 0.1)
  fails("items", bloom_filter.new, nil, 0.1)
  fails("probability", bloom_filter.new, 10, 0)
  fails("probability", bloom_filter.new, 10, 1)
  fails("string or a number", function() bloom_filter.new(10, 0.1):add(nil) end)
  same(getmetatable(bloom_filter.new(10, 0.1)).__name, "bloom_filter")
end)
