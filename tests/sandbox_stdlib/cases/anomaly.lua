local anomaly = require "anomaly"
local circular_buffer = require "circular_buffer"

case("the config language", function()
  same(anomaly.parse_config(nil), nil)
  same(anomaly.parse_config [[roc("Output1", 1, 15, 0, 2, true, false)]], {Output1 = {{algorithm = "roc", col = 1,
    win = 15, hwin = 0, sd = 2, loss_of_data = true, start_of_data = false}}})
  same(anomaly.parse_config ' mww("a ""b""",2,60,10,0.0001,decreasing)mww_nonparametric("x", 2, 15, 10, 0.55) mww("x",1,20,3,1,any)', {
    ['a "b"'] = {{algorithm = "mww", col = 2, win = 60, nwin = 10, pvalue = 0.0001, trend = "decreasing"}},
    x = {{algorithm = "mww_nonparametric", col = 2, win = 15, nwin = 10, pstat = 0.55},
      {algorithm = "mww", col = 1, win = 20, nwin = 3, pvalue = 1, trend = "any"}},
  })
  for _, wrong in ipairs{"", "roc()", 'roc("a",1)', 'roc("a",1,15,0,2,true,false) x', 'mww("a",1,2,3,4,sideways)'} do
    fails("could not parse", anomaly.parse_config, wrong)
  end
end)

local function filled(rows, value_of)
  local cb = circular_buffer.new(rows, 1, 1)
  for i = 0, rows - 1 do
    local value = value_of(i)
    if value then cb:set(i * 1e9, 1, value) end
  end
  return cb
end

local function look(cb, text, ns)
  return anomaly.detect(ns or cb:current_time(), "g", cb, anomaly.parse_config(text))
end

case("rate of change", function()
  local calm = filled(30, function(i) return 100 + i % 3 end)
  same(look(calm, 'roc("g",1,3,0,2,true,true)'), nil)
  local spike = filled(30, function(i) return i >= 26 and 500 or 100 + i % 3 end)
  local text, annotations = look(spike, 'roc("g",1,3,0,2,false,false)')
  same(text, "g - algorithm: roc col: 1 msg: detected anomaly, standard deviation exceeds 2")
  same(annotations, {{x = 29000, col = 1, shortText = "A", text = "detected anomaly, standard deviation exceeds 2"}})
end)

case("loss and start of data", function()
  local stopped = filled(30, function(i) return i < 26 and 100 + i % 3 or nil end)
  same(look(stopped, 'roc("g",1,3,0,2,true,false)'), "g - algorithm: roc col: 1 msg: no new data")
  same(look(stopped, 'roc("g",1,3,0,2,false,false)'), nil)
  local started = filled(30, function(i) return i >= 26 and 100 or nil end)
  same(look(started, 'roc("g",1,3,0,2,false,true)'), "g - algorithm: roc col: 1 msg: unexpected data")
end)

case("trends", function()
  local growing = filled(130, function(i) return i * 10 + i * 7 % 5 end)
  same(look(growing, 'mww("g",1,25,5,0.0001,increasing)'), "g - algorithm: mww col: 1 msg: detected anomaly, increasing values")
  same(look(growing, 'mww("g",1,25,5,0.0001,decreasing)'), nil)
  same(look(growing, 'mww("g",1,25,5,0.0001,any)'), "g - algorithm: mww col: 1 msg: detected anomaly")
  local calm = filled(130, function(i) return i * 7 % 5 end)
  same(look(calm, 'mww("g",1,25,5,0.0001,any)'), nil)
end)

case("shifts", function()
  local shifted = filled(60, function(i) return i >= 49 and 9 + i % 2 or i % 2 end)
  same(look(shifted, 'mww_nonparametric("g",1,10,5,0.6)'), "g - algorithm: mww_nonparametric col: 1 msg: detected anomaly, pstat: 1")
  same(look(shifted, 'mww_nonparametric("g",1,10,5,0.4)'), nil)
end)

case("once in an interval, and the buffer moves on", function()
  local cb = filled(30, function(i) return i >= 26 and 500 or 100 + i % 3 end)
  local config = anomaly.parse_config 'roc("g",1,3,0,2,false,false)'
  assert(anomaly.detect(29e9, "g", cb, config))
  same(anomaly.detect(29.5e9, "g", cb, config), nil)
  anomaly.detect(31e9, "g", cb, config)
  same(cb:current_time(), 31e9)
  same(anomaly.detect(40e9, "other", cb, config), nil)
  same(cb:current_time(), 40e9)
end)

case("windows that do not fit", function()
  local cb = filled(30, function() return 1 end)
  fails("do not fit", look, cb, 'roc("g",1,10,0,2,false,false)')
  fails("do not fit", look, cb, 'mww("g",1,10,3,0.1,any)')
end)
