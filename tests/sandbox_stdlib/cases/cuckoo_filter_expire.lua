local cuckoo_filter_expire = require "cuckoo_filter_expire"

local MINUTE = 60e9

case("add, query, delete, count, clear", function()
  local cf = cuckoo_filter_expire.new(1000, 1)
  same({cf:query "a", cf:add("a", 0), cf:query "a", cf:add("a", 0)}, {false, true, true, false})
  same({cf:add(1, 0), cf:add("1", 0), cf:count()}, {true, true, 3})
  same({cf:delete "a", cf:query "a", cf:delete "a", cf:count()}, {true, false, false, 2})
  cf:clear()
  same({cf:query(1), cf:count()}, {false, 0})
  same({cf:current_interval()}, {0, 0})
end)

case("what is older than 256 intervals is forgotten", function()
  local cf = cuckoo_filter_expire.new(1000, 5)
  local start = 1000000 * 5 * MINUTE
  for i = 0, 299 do assert(cf:add("k" .. i, start + i * 5 * MINUTE)) end
  same({cf:current_interval()}, {start + 299 * 5 * MINUTE, (1000000 + 299) % 256})
  same(cf:count(), 256)
  for i = 0, 299 do same(cf:query("k" .. i), i >= 44) end
  same(cf:add("too old", start + 43 * 5 * MINUTE), false)
  same(cf:add("just in", start + 44 * 5 * MINUTE), true)
  same(cf:add("far", start + 10000 * 5 * MINUTE), true)
  same(cf:count(), 1)
end)

case("a key that is seen again stays longer", function()
  local cf = cuckoo_filter_expire.new(300, 1)
  cf:add("old", 0)
  cf:add("again", 0)
  same(cf:add("again", 200 * MINUTE), false)
  same(cf:add("again", 100 * MINUTE), false)
  cf:add("x", 300 * MINUTE)
  same({cf:query "old", cf:query "again", cf:count()}, {false, true, 2})
end)

case("when it is full the oldest interval goes", function()
  local cf = cuckoo_filter_expire.new(512, 1)
  for i = 1, 5000 do cf:add(i, i % 250 * MINUTE) end
  assert(cf:count() <= 512 and cf:count() > 300, cf:count())
  assert(cf:query(5000))
  for i = 1, 5000 do cf:delete(i) end
  same(cf:count(), 0)
  for _, content in ipairs(cf.slots) do same(content, 0) end
  for _, count in ipairs(cf.of_interval) do same(count, 0) end
end)

case("errors and state", function()
  fails("items", cuckoo_filter_expire.new, 256, 1)
  fails("interval_size", cuckoo_filter_expire.new, 1000, 0)
  fails("interval_size", cuckoo_filter_expire.new, 1000)
  fails("nanoseconds", function() cuckoo_filter_expire.new(1000, 1):add("a") end)
  fails("string or a number", function() cuckoo_filter_expire.new(1000, 1):add({}, 1) end)
  same(getmetatable(cuckoo_filter_expire.new(300, 1)).__name, "cuckoo_filter_expire")
end)
