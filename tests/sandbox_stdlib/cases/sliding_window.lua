local sliding_window = require "sliding_window"
local nan = 0 / 0

case("values leave the window", function()
  local w = sliding_window.new(10, 10)
  for second = 0, 14 do w:add(second * 1e9, second) end
  same({w:count(14e9), w:sum(14e9), w:min(14e9), w:max(14e9), w:mean(14e9), w:rate(14e9)}, {10, 95, 5, 14, 9.5, 9.5})
  same(w:count(19e9), 5)
  same({w:count(30e9), w:sum(30e9), w:min(30e9), w:mean(30e9)}, {0, 0, nan, nan})
end)

case("late values count while they are inside", function()
  local w = sliding_window.new(10, 10)
  w:add(100e9)
  same({w:add(95e9), w:add(90e9), w:count(50e9)}, {true, false, 2})
end)

case("keys", function()
  local w = sliding_window.new(60)
  w:add(1e9, 5, "b")
  w:add(1e9, 7, "a")
  w:add(40e9, 1, "a")
  same({w:keys(41e9), w:sum(41e9, "a"), w:count(41e9, "b"), w:count(41e9)}, {{"a", "b"}, 8, 1, 0})
  same({w:keys(80e9), w:sum(80e9, "a")}, {{"a"}, 1})
  w:clear()
  same(w:keys(80e9), {})
end)

case("errors and state", function()
  fails("seconds", sliding_window.new, 0)
  fails("slices", sliding_window.new, 1, 0.5)
  local w = sliding_window.new(1)
  fails("nanoseconds", w.add, w)
  same(getmetatable(w).__name, "sliding_window")
end)
