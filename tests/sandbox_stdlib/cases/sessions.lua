local sessions = require "sessions"

case("a pause ends a session", function()
  local s = sessions.new{timeout_s = 10, keep = 2}
  same(s:add(1e9, "a", "x"), nil)
  same(s:add(5e9, "a", "y"), nil)
  same(s:add(9e9, "a", "z"), nil)
  same(s:add(20e9, "a"), {key = "a", first = 1e9, last = 9e9, count = 3, duration_s = 8, events = {"x", "y"}, reason = "timeout"})
  same({s:get("a").count, s:open()}, {1, 1})
end)

case("late events, and expiry in order", function()
  local s = sessions.new{timeout_s = 10}
  s:add(5e9, "b")
  s:add(3e9, "b")
  s:add(4e9, "a")
  same({s:get("b").first, s:get("b").last, s:get("b").duration_s}, {3e9, 5e9, 2})
  same(#s:expire(10e9), 0)
  local ended = s:expire(30e9)
  same({ended[1].key, ended[2].key, #ended, s:open()}, {"a", "b", 2, 0})
end)

case("the longest session, and the capacity", function()
  local s = sessions.new{timeout_s = 10, max_s = 15, capacity = 2}
  for second = 0, 14, 7 do s:add(second * 1e9, "a") end
  same(s:add(21e9, "a").reason, "max")
  s:add(22e9, "b")
  local ended = s:add(23e9, "c")
  same({ended.key, ended.reason, s:open()}, {"a", "capacity", 2})
end)

case("errors and state", function()
  fails("timeout_s", sessions.new, {timeout_s = 0})
  local s = sessions.new()
  fails("must not be nil", s.add, s, 1, nil)
  same(getmetatable(s).__name, "sessions")
end)
