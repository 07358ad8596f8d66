local util = require "util"

local function flat(...)
  local fields = {}
  local from = (...)
  util.table_to_fields(from, fields, select(2, ...))
  return fields
end

case("table_to_fields", function()
  same(flat{a = 1, b = {c = "x", d = {e = true}}, [1] = "y"}, {a = 1, ["b.c"] = "x", ["b.d.e"] = true, [1] = "y"})
  same(flat({a = {b = 1, [2] = 3}}, "p", "_"), {["p_a_b"] = 1, ["p_a_2"] = 3})
  same(flat({a = {b = {c = 1}}}, nil, nil, 2), {["a.b"] = '{"c":1}'})
  same(flat({a = {b = 1}}, nil, nil, 1), {a = '{"b":1}'})
  local itself = {}
  itself.x = itself
  fails("contains itself", flat, itself)
  fails("is a function", flat, {f = function() end})
  local shared = {1}
  same(flat{a = shared, b = shared}, {["a.1"] = 1, ["b.1"] = 1})
end)

case("behead_array", function()
  local array = {"a", "b", "c", "d"}
  util.behead_array(1, array)
  same(#array, 4)
  util.behead_array(3, array)
  same(array, {"c", "d"})
  util.behead_array(5, array)
  same(array, {})
end)
