local sax = require "sax"
local nan, inf = 0 / 0, 1 / 0

case("words of numbers", function()
  local a = sax.word.new({10.3, 7, 1, -5, -5, 7.2}, 2, 8)
  same(tostring(a), "FC")
  assert(a == sax.word.new("FC", 8))
  assert(a ~= sax.word.new("FD", 8))
  assert(a:copy() == a)
end)

case("windows", function()
  local window = sax.window.new(4, 2, 4)
  window:add(23)
  same(tostring(window), "#C")
  window:add{-10, 1, 2, 3, 10.1}
  same(tostring(window), "AD")
  assert(window == sax.window.new(4, 2, 4) == false)
  assert(window:get_word() == sax.word.new({1, 2, 3, 10.1}, 2, 4))
  window:clear()
  same(tostring(window), "##")
  window:add{}
  same(tostring(window), "##")
end)

case("distances", function()
  local a = sax.word.new({10.3, 7, 1, -5, -5, 7.2}, 2, 8)
  local window = sax.window.new(6, 2, 8)
  window:add{-9, -8, -7, -5, -5, 7.2}
  close(sax.mindist(a, window), 1.5608, 1e-3)
  local d, higher, lower = sax.mindist(sax.word.new("ABDD", 4), sax.word.new("DBAA", 4))
  close(d, 2.336536, 1e-5)
  close(higher, 1.907774, 1e-5)
  close(lower, 1.349, 1e-5)
  local unknown, far = sax.word.new("####", 4), sax.word.new("DDAA", 4)
  same(sax.mindist(sax.word.new("ABCD", 4), unknown), (sax.mindist(sax.word.new("ABCD", 4), far)))
  same(sax.mindist(unknown, unknown), 0)
end)

for i, vector in ipairs{
  {"EEA", {inf, inf, inf, inf, inf, inf, -inf, -inf, -inf}}, {"ECA", {inf, inf, 5, 0, 0, 0, -inf, -inf, -5}},
  {"ECA", {nan, 5, 5, 0, 0, 0, nan, -5, -5}}, {"E#A", {inf, inf, 5, nan, nan, nan, -inf, -inf, -5}},
  {"###", {nan, nan, nan, nan, nan, nan, nan, nan, nan}}, {"#E#", {nan, inf, nan}},
} do
  case("nan and infinity " .. i, function() same(tostring(sax.word.new(vector[2], 3, 5)), vector[1]) end)
end

case("errors and state", function()
  for _, wrong in ipairs{{}, {nil, 2, 2}, {2, nil, 2}, {1, 3, 3}, {9, 1, 3}, {9, 3, 1}, {9, 3, 17}, {5000, 5, 5}, {10, 3, 3}} do
    fails("sax", sax.window.new, wrong[1], wrong[2], wrong[3])
  end
  fails("letters", sax.word.new, "AAABF", 5)
  fails("letters", sax.word.new, "", 5)
  fails("letters", sax.word.new, "AB", 17)
  fails("list or a string", sax.word.new, nil, 5)
  fails("frames", sax.word.new, {1, 2, 3}, 1, 5)
  fails("not a word", sax.mindist, 1, 1)
  fails("shapes", sax.mindist, sax.word.new("AB", 3), sax.word.new("ABC", 3))
  local window = sax.window.new(9, 3, 5)
  fails("a number", window.add, window, "a")
  fails("a number", window.add, window, {1, "a"})
  fails("not a window", window.clear, {})
  same(getmetatable(window).__name, "sax.window")
end)
