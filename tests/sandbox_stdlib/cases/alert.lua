local alert = require "alert"

case("one in a while", function()
  same(alert.send(1e18, "first"), true)
  same(alert.send(1e18 + 3600e9, "within the hour"), false)
  same(alert.send(5, "in the past"), false)
  same(alert.throttled(1e18 + 3601e9), false)
  same(alert.send(1e18 + 3601e9, "later"), true)
  same(sent, {{"alert", "", "first"}, {"alert", "", "later"}})
  same(_G._LAST_ALERT, 1e18 + 3601e9)
end)

case("zero is never throttled, nothing is never sent", function()
  clear_sent()
  same({alert.send(0, "x"), alert.send(0, ""), alert.send(0), alert.queue(0, "")}, {true, false, false, false})
  same(#sent, 1)
end)

case("a queue", function()
  clear_sent()
  _G._LAST_ALERT = 0
  alert.set_throttle(10)
  same({alert.queue(100, "a"), alert.queue(101, "b"), alert.send_queue(102), alert.send_queue(200)}, {true, true, true, false})
  same(sent, {{"alert", "", "a\nb"}})
  same(alert.queue(105, "c"), false)
end)
