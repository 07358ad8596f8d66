local cuckoo_filter = require "cuckoo_filter"

case("add, query, delete, count, clear", function()
  local cf = cuckoo_filter.new(1000)
  same({cf:query "test", cf:add "test", cf:query "test", cf:add "test"}, {false, true, true, false})
  same({cf:add(1), cf:add "1", cf:count()}, {true, true, 3})
  same({cf:delete "test", cf:query "test", cf:delete "test", cf:count()}, {true, false, false, 2})
  cf:clear()
  same({cf:query(1), cf:count()}, {false, 0})
end)

case("as many as promised go in, and are found", function()
  for _, items in ipairs{4, 10, 100, 1000, 1377} do
    local cf = cuckoo_filter.new(items)
    local added = 0
    for i = 1, items do
      if cf:add("in" .. i) then added = added + 1 end
    end
    for i = 1, items do assert(cf:query("in" .. i), i) end
    same(cf:count(), added)
    assert(added >= items - 1)
    local wrong = 0
    for i = 1, 2000 do
      if cf:query("out" .. i) then wrong = wrong + 1 end
    end
    assert(wrong < 4, wrong)
  end
end)

case("full is an error, and what is in it stays", function()
  local cf, added = cuckoo_filter.new(20), {}
  local function fill()
    for i = 1, 1000 do
      if cf:add(i) then added[#added + 1] = i end
    end
  end
  fails("is full", fill)
  assert(#added >= 20)
  same(cf:count(), #added)
  for _, key in ipairs(added) do assert(cf:query(key)) end
  for _, key in ipairs(added) do assert(cf:delete(key)) end
  for i = 1, cf.buckets do same(cf.table[i], 0) end
end)

case("errors and state", function()
  fails("items", cuckoo_filter.new, 3)
  fails("items", cuckoo_filter.new)
  fails("string or a number", function() cuckoo_filter.new(10):add{} end)
  same(getmetatable(cuckoo_filter.new(4)).__name, "cuckoo_filter")
end)
