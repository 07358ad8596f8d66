--[[
Detects anomalies in circular buffers: sudden changes, trends, shifts.

    local anomaly = require "anomaly"
    local config = anomaly.parse_config(read_config "anomaly_config")
    function timer_event(ns)
      local text, annotations = anomaly.detect(ns, "Traffic", cb, config)
      if text then alert.send(ns, text) end
    end

- `parse_config(text)` -> config, nil for nil; raises an error for invalid text
- `detect(ns, name, cbuf, config)` -> nil, or a text with a line for each anomaly and a list of annotations (see the
  module annotation). It checks each interval of the buffer once, when the interval is complete (the newest is not).
  It advances the buffer to ns if no data does.

The config text is any number of the following, with or without space between them. NAME is the name of the payload, in
double quotes ("" for a quote). Columns count from 1. Window sizes are numbers of intervals.

- `roc("NAME", column, window, history, deviations, loss_of_data, start_of_data)`: compares the mean of the newest window
  with that of the window before. An anomaly is a difference of more than `deviations` standard deviations of the
  `history` before both (0: all of it). With `loss_of_data` or `start_of_data` true, stopping or starting data is one too.
- `mww("NAME", column, window, windows, p, trend)`: the Mann-Whitney test of the newest window against earlier windows.
  An anomaly is found if more than a quarter of `windows` differ with less than p. trend is decreasing, increasing or any.
  Use it for normally distributed values and windows of 20 or more.
- `mww_nonparametric("NAME", column, window, windows, share)`: the probability that newer values exceed older ones, averaged
  over earlier windows; 0.5 means no change. An anomaly is a probability above a share over 0.5, or below one under 0.5.

Source: the config language, texts and thresholds of Heka's anomaly module.
--]]

local annotation = require "annotation"
local lpeg = require "lpeg"
local math = require "math"
local table = require "table"

local error, ipairs, tonumber = error, ipairs, tonumber
local abs = math.abs
local C, Cc, Cf, Cg, Cs, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cf, lpeg.Cg, lpeg.Cs, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local NO_CHANGE = 0.5

-- ----------------------------------------------------------------- config --

local space = S" \t\r\n"^0
local comma = space * "," * space
local whole = R"09"^1 / tonumber
local decimal = R"09"^1 * (P"." * R"09"^1)^-1 / tonumber
local boolean = P"true" * Cc(true) + P"false" * Cc(false)
local trend = C(P"decreasing" + "increasing" + "any")
local quoted = '"' * Cs((P'""' / '"' + (1 - P'"'))^1) * '"'

local function call(algorithm, arguments)
  local fields = Cg(Cc(algorithm), "algorithm")
  for _, argument in ipairs(arguments) do fields = fields * comma * Cg(argument[2], argument[1]) end
  return Cg(P(algorithm) * space * "(" * space * quoted * Ct(fields) * space * ")") * space
end

local CALLS = call("roc", {{"col", whole}, {"win", whole}, {"hwin", whole}, {"sd", decimal},
    {"loss_of_data", boolean}, {"start_of_data", boolean}})
  + call("mww_nonparametric", {{"col", whole}, {"win", whole}, {"nwin", whole}, {"pstat", decimal}})
  + call("mww", {{"col", whole}, {"win", whole}, {"nwin", whole}, {"pvalue", decimal}, {"trend", trend}})

local config_grammar = space * Cf(Ct"" * CALLS^1, function(config, name, test)
  config[name] = config[name] or {}
  table.insert(config[name], test)
  return config
end) * -1

function M.parse_config(text)
  if text == nil then return nil end
  return config_grammar:match(text) or error("could not parse the anomaly_config", 2)
end

-- ------------------------------------------------------------------ tests --

local function out_of_range(name, test, rows)
  error(("%s - algorithm: %s col: %d msg: the windows do not fit into %d rows"):format(
    name, test.algorithm, test.col, rows), 0)
end

local function interval_ns(cb)
  local _, _, seconds = cb:get_configuration()
  return seconds * 1e9
end

local function roc(name, cb, test)
  local rows = cb:get_configuration()
  if 3 * test.win >= rows or test.hwin > 0 and test.hwin < test.win then out_of_range(name, test, rows) end
  local interval, now = interval_ns(cb), cb:current_time()
  local current, previous = now - test.win * interval, now - 2 * test.win * interval
  local history = test.hwin > 0 and previous - test.hwin * interval or nil

  local deviation = cb:compute("sd", test.col, history, previous - interval)
  local before, before_rows = cb:compute("avg", test.col, previous, current - interval)
  local newest, newest_rows = cb:compute("avg", test.col, current, now - interval)
  if test.loss_of_data and before_rows > 0 and newest_rows == 0 then return "no new data" end
  if test.start_of_data and before_rows == 0 and newest_rows > 0 then return "unexpected data" end
  if deviation and abs(newest - before) > deviation * test.sd then
    return ("detected anomaly, standard deviation exceeds %G"):format(test.sd)
  end
end

-- Calls compare(newest_first, newest_last, first, last) for each window before the newest.
local function for_windows(name, cb, test, compare)
  local rows = cb:get_configuration()
  if test.win * test.nwin >= rows then out_of_range(name, test, rows) end
  local interval, now = interval_ns(cb), cb:current_time()
  local size = test.win * interval
  for back = 2, test.nwin do
    local first = now - back * size
    compare(now - size, now - interval, first, first + size - interval)
  end
end

-- Returns true if the change of the mean fits the configured trend.
local function follows(trend_name, newest, older)
  if trend_name == "any" then return true end
  if trend_name == "increasing" then return newest > older end
  return newest < older
end

local function mww(name, cb, test)
  local different = 0
  for_windows(name, cb, test, function(newest_first, newest_last, first, last)
    local newest = cb:compute("avg", test.col, newest_first, newest_last)
    if not follows(test.trend, newest, cb:compute("avg", test.col, first, last)) then return end
    local _, p = cb:mannwhitneyu(test.col, newest_first, newest_last, first, last)
    if p and p < test.pvalue then different = different + 1 end
  end)
  if different <= test.nwin / 4 then return nil end
  return test.trend == "any" and "detected anomaly" or ("detected anomaly, %s values"):format(test.trend)
end

local function mww_nonparametric(name, cb, test)
  local sum = 0
  for_windows(name, cb, test, function(newest_first, newest_last, first, last)
    local u = cb:mannwhitneyu(test.col, newest_first, newest_last, first, last)
    if u then sum = sum + u / (test.win * test.win) - NO_CHANGE end
  end)
  local share = sum / (test.nwin - 1) + NO_CHANGE
  if test.pstat < NO_CHANGE and share < test.pstat or test.pstat > NO_CHANGE and share > test.pstat then
    return ("detected anomaly, pstat: %G"):format(share)
  end
end

local TESTS = {roc = roc, mww = mww, mww_nonparametric = mww_nonparametric}

-- ----------------------------------------------------------------- detect --

-- Returns true if the graph has advanced since the last check; its interval may differ from the timer's.
local function is_due(tests, ns, cb)
  local last = tests.last_run or 0
  if ns <= last or ns - last < interval_ns(cb) then return false end
  tests.last_run = ns
  return true
end

function M.detect(ns, name, cb, config)
  if not cb:get(ns, 1) then cb:add(ns, 1, 0 / 0) end
  local tests = config and config[name]
  if not tests or not is_due(tests, ns, cb) then return nil end
  local texts, annotations = {}, {}
  for _, test in ipairs(tests) do
    local found = TESTS[test.algorithm](name, cb, test)
    if found then
      texts[#texts + 1] = ("%s - algorithm: %s col: %d msg: %s"):format(name, test.algorithm, test.col, found)
      annotations[#annotations + 1] = annotation.create(cb:current_time(), test.col, "A", found)
    end
  end
  if not texts[1] then return nil end
  return table.concat(texts, "\n"), annotations
end

return M
