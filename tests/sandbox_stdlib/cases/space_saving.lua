local space_saving = require "space_saving"

case("exact while all keys fit", function()
  local ss = space_saving.new(3)
  for _, key in ipairs{"a", "b", "a", "c", "b", "a"} do ss:add(key) end
  same(ss:top(), {{key = "a", count = 3, error = 0}, {key = "b", count = 2, error = 0}, {key = "c", count = 1, error = 0}})
  same(#ss:top(2), 2)
  same({ss:count "b"}, {2, 0})
  same(ss:total(), 6)
end)

case("a new key takes the place of the rarest", function()
  local ss = space_saving.new(2)
  ss:add("a", 5)
  ss:add("b", 2)
  same(ss:add "c", 3)
  same({ss:count "c"}, {3, 2})
  same(ss:count "b", nil)
  same(ss:top(1)[1].key, "a")
end)

case("true counts are within the bounds, and frequent keys are found", function()
  local ss, exact = space_saving.new(50), {}
  for i = 1, 20000 do
    local r = i * 7919 % 10007 / 10007
    local key = math.floor(1 / (r + 0.002))
    exact[key] = (exact[key] or 0) + 1
    ss:add(key)
  end
  for _, item in ipairs(ss:top()) do
    assert(item.count >= exact[item.key] and item.count - item.error <= exact[item.key], item.key)
  end
  for key, count in pairs(exact) do
    if count > 20000 / 50 then assert(ss:count(key), key) end
  end
end)

case("merging keeps the bounds", function()
  local a, b, exact = space_saving.new(20), space_saving.new(20), {}
  for i = 1, 5000 do
    local key = math.floor(1 / (i * 7919 % 10007 / 10007 + 0.01))
    exact[key] = (exact[key] or 0) + 1;
    (i % 2 == 0 and a or b):add(key)
  end
  a:merge(b)
  same(a:total(), 5000)
  for _, item in ipairs(a:top(10)) do
    assert(item.count >= exact[item.key] and item.count - item.error <= exact[item.key], item.key)
  end
  fails("not a space_saving", a.merge, a, {})
end)

case("errors and state", function()
  local ss = space_saving.new(1)
  fails("capacity", space_saving.new, 0)
  fails("must not be nil", ss.add, ss, nil)
  fails("greater than 0", ss.add, ss, "a", 0)
  ss:add "x"
  ss:clear()
  same({#ss:top(), ss:total()}, {0, 0})
  same(getmetatable(ss).__name, "space_saving")
end)
