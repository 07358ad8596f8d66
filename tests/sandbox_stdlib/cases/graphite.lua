local graphite = require "graphite"

case("counts", function()
  same(graphite.count_rate("b", 30, 60, 100), "stats.counters.b.count 30 100\nstats.counters.b.rate 0.500000 100\n")
  same(graphite.multi_counts_rates({y = 1, x = 2}, 1, 5),
    graphite.count_rate("x", 2, 1, 5) .. graphite.count_rate("y", 1, 1, 5))
  same(graphite.ns_to_sec(1714564800.9e9), 1714564800)
end)

case("times", function()
  local times = {}
  for i = 10, 1, -1 do times[#times + 1] = i end
  same(graphite.timeseries_metrics("t", times, 5, 90, 7), [[
stats.timers.t.count 10 7
stats.timers.t.count_ps 2.000000 7
stats.timers.t.lower 1.000000 7
stats.timers.t.upper 10.000000 7
stats.timers.t.sum 55.000000 7
stats.timers.t.mean 5.500000 7
stats.timers.t.mean_90 5.000000 7
stats.timers.t.upper_90 9.000000 7
]])
  same(times[1], 10)
  assert(graphite.timeseries_metrics("t", {}, 5, 90, 7):find("stats.timers.t.upper_90 0.000000 7", 1, true))
  same(graphite.multi_timeseries_metrics({b = {1}, a = {2}}, 1, 90, 7),
    graphite.timeseries_metrics("a", {2}, 1, 90, 7) .. graphite.timeseries_metrics("b", {1}, 1, 90, 7))
end)
