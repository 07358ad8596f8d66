local cms = require "cms.cms"

case("counts, with a point and with a colon", function()
  local sketch = cms.new(0.001, 0.01)
  same({sketch.add "a", sketch:add "a", sketch.add(1), sketch.check "a", sketch.check "b"}, {1, 2, 1, 2, 0})
  same({sketch.getNumItems(), sketch.getDepth(), sketch.getWidth()}, {2, 5, 2719})
  close(sketch.getAccumulatedError(), 0.002, 1e-12)
  sketch.reset()
  same({sketch.check "a", sketch.getNumItems()}, {0, 0})
  same(sketch.nothing, nil)
end)

case("never too low, and seldom too high", function()
  local sketch, added, wrong = cms.new(0.01, 0.01), 0, 0
  for i = 1, 500 do
    for _ = 1, i % 7 + 1 do
      sketch.add("k" .. i)
      added = added + 1
    end
  end
  for i = 1, 500 do
    local count = sketch.check("k" .. i)
    assert(count >= i % 7 + 1)
    if count > i % 7 + 1 + 0.01 * added then wrong = wrong + 1 end
  end
  assert(wrong <= 5, wrong)
end)

case("errors", function()
  fails("epsilon", cms.new, 0, 0.1)
  fails("delta", cms.new, 0.1)
  fails("string or a number", function() cms.new(0.1, 0.1).add {} end)
end)
