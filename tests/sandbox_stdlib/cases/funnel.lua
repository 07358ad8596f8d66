local funnel = require "funnel"

case("steps in order, in time", function()
  local f = funnel.new({"view", "cart", "pay"}, {window_s = 10})
  same({f:add(0, "a", "view"), f:add(1e9, "a", "view"), f:add(1e9, "a", "cart"), f:add(2e9, "a", "pay")}, {1, nil, 2, 3})
  same({f:add(0, "b", "cart"), f:add(0, "b", "view"), f:add(1e9, "b", "pay"), f:add(1e9, "b", "other")}, {nil, 1})
  same(f:add(11e9, "b", "cart"), nil)
  same({f:add(12e9, "b", "view"), f:add(13e9, "b", "cart")}, {1, 2})
  same(f:report(), {{step = "view", count = 3, of_previous = 1, of_first = 1},
    {step = "cart", count = 2, of_previous = 2 / 3, of_first = 2 / 3}, {step = "pay", count = 1, of_previous = 0.5, of_first = 1 / 3}})
end)

case("capacity and expiry", function()
  local f = funnel.new({"x", "y"}, {capacity = 2, window_s = 10})
  f:add(1e9, "a", "x")
  f:add(2e9, "b", "x")
  f:add(3e9, "c", "x")
  same({f:add(4e9, "a", "y"), f:add(4e9, "b", "y")}, {nil, 2})
  same({f:expire(30e9), f.size}, {1, 0})
end)

case("errors and state", function()
  fails("two steps", funnel.new, {"a"})
  fails("twice", funnel.new, {"a", "a"})
  same(getmetatable(funnel.new{"a", "b"}).__name, "funnel")
end)
