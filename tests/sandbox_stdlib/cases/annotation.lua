local annotation = require "annotation"
local cjson = require "cjson"

case("kept until they are too old", function()
  annotation.add("a", 5e9, 1, "D", "deployed")
  annotation.concat("a", {annotation.create(6e9, 2, "A", "alert")})
  local all = cjson.decode(annotation.prune("a", 7e9))
  same(all.annotations, {{x = 5000, col = 1, shortText = "D", text = "deployed"}, {x = 6000, col = 2, shortText = "A", text = "alert"}})
  annotation.set_prune("a", 2e9)
  same(#cjson.decode(annotation.prune("a", 7e9)).annotations, 1)
  same(annotation.prune("a", 8e9), '{"annotations":[]}\n')
end)

case("removed, and never there", function()
  annotation.add("b", 1e9, 1, "x", "y")
  annotation.remove "b"
  same(annotation.prune("b", 1e9), nil)
  same(annotation.prune("c", 1e9), nil)
end)

case("what was preserved takes its place", function()
  _G._ANNOTATIONS = {z = {prune_duration = 1e9, annotations = {{x = 5, col = 1, shortText = "s", text = "t"}}}}
  annotation.add("z", 6e6, 1, "u", "v")
  same(#_G._ANNOTATIONS.z.annotations, 2)
end)
