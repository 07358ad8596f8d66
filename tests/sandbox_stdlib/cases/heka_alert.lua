config {
  Logger = "my filter", Hostname = "web1", Pid = 7,
  alert = {
    prefix = true, throttle = 1, thresholds = {rate = 5, ["*"] = {low = 1}},
    modules = {email = {recipients = {"a@b"}}, irc = {channel_output = true}},
  },
}
local alert = require "heka.alert"

case("a message, once in a while", function()
  clear_sent()
  same({alert.send("rate", "high", "it is 9"), alert.send("rate", "high", "it is 10"), alert.send("other", "x", "y")}, {true, false, true})
  same(#sent, 2)
  same(sent[1], {
    Type = "alert", Severity = 1, Payload = "Hostname: web1\nPid: 7\n\nit is 9\n",
    Fields = {
      {name = "id", value = "rate"}, {name = "summary", value = "Hekate [my filter#rate] - high"},
      {name = "email.recipients", value = {"<a@b>"}}, {name = "irc.channel_output", value = true},
    },
  })
  same({alert.throttled "rate", alert.throttled("rate", 0), alert.throttled "new"}, {true, false, false})
  same({alert.send("rate", "again", "", 0), alert.send("new", "", "no summary"), alert.send "new"}, {true, false, false})
end)

case("thresholds and addresses", function()
  same({alert.get_threshold "rate", alert.get_threshold "x", alert.thresholds.rate}, {5, {low = 1}, 5})
  same(alert.get_dashboard_uri "a b", "https://web1/dashboard_output/graphs/my_filter.a_b.html")
  same(alert.get_dashboard_uri("a", "txt"), "https://web1/dashboard_output/my_filter.a.txt")
end)
