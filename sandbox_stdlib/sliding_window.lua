--[[
Sliding window: count, sum, minimum, maximum and rate of the last seconds, minutes or hours, with or without keys.

    local sliding_window = require "sliding_window"
    local errors = sliding_window.new(300, 60)
    errors:add(ns, 1, read_message "Hostname")
    if errors:count(ns, "web01") > 100 then ... end

- `new(seconds [, slices = 60])`: the window moves in slices; results are exact to one slice
- `w:add(ns [, value = 1 [, key] ])` -> false if it is too old. A key is a string or a number.
- `w:count(ns [, key])`, `w:sum(ns [, key])` -> number; 0 without values
- `w:mean(ns [, key])`, `w:min(ns [, key])`, `w:max(ns [, key])` -> number; nan without values
- `w:rate(ns [, key])` -> the sum per second
- `w:keys(ns)` -> list of the keys with values in the window, sorted as text
- `w:clear()`

Times are nanoseconds; ns is the current time, the end of the window. It never moves back: an earlier ns counts as the
latest one. Keys without values in the window are removed, so memory depends only on active keys.

The state is plain data, the metatable is named "sliding_window".

Source: a ring of slices, summed on demand.
--]]

local math = require "math"
local table = require "table"

local error, pairs, setmetatable, tostring, type = error, pairs, setmetatable, tostring, type
local floor, huge, max, min = math.floor, math.huge, math.max, math.min

local NO_KEY = ""

local methods = {}
local metatable = {__index = methods, __name = "sliding_window"}
local M = {metatables = {sliding_window = metatable}}

function methods.clear(w)
  w.newest, w.parts = 0, {}        -- parts: slice number -> {key -> {count, sum, least, most}}
end

function M.new(seconds, slices)
  slices = slices or 60
  if type(seconds) ~= "number" or seconds <= 0 then error("sliding_window: the seconds must be greater than 0", 2) end
  if type(slices) ~= "number" or slices < 1 or slices % 1 ~= 0 then
    error("sliding_window: the slices must be a whole number greater than 0", 2)
  end
  local w = {seconds = seconds, slices = slices, slice_ns = seconds * 1e9 / slices}
  methods.clear(w)
  return setmetatable(w, metatable)
end

local function move(w, ns)
  if type(ns) ~= "number" then error("sliding_window: the time must be nanoseconds", 3) end
  local slice = floor(ns / w.slice_ns)
  if slice > w.newest then
    w.newest = slice
    for number in pairs(w.parts) do
      if number <= slice - w.slices then w.parts[number] = nil end
    end
  end
  return slice
end

function methods.add(w, ns, value, key)
  local slice = move(w, ns)
  if slice <= w.newest - w.slices then return false end
  value, key = value or 1, key == nil and NO_KEY or key
  local part = w.parts[slice] or {}
  w.parts[slice] = part
  local cell = part[key]
  if cell then
    cell[1], cell[2], cell[3], cell[4] = cell[1] + 1, cell[2] + value, min(cell[3], value), max(cell[4], value)
  else
    part[key] = {1, value, value, value}
  end
  return true
end

local function totals(w, ns, key)
  move(w, ns)
  if key == nil then key = NO_KEY end
  local count, sum, least, most = 0, 0, huge, -huge
  for _, part in pairs(w.parts) do
    local cell = part[key]
    if cell then
      count, sum, least, most = count + cell[1], sum + cell[2], min(least, cell[3]), max(most, cell[4])
    end
  end
  return count, sum, least, most
end

function methods.count(w, ns, key) return (totals(w, ns, key)) end

function methods.sum(w, ns, key)
  local _, sum = totals(w, ns, key)
  return sum
end

function methods.rate(w, ns, key) return w:sum(ns, key) / w.seconds end

function methods.mean(w, ns, key)
  local count, sum = totals(w, ns, key)
  return sum / count
end

function methods.min(w, ns, key)
  local count, _, least = totals(w, ns, key)
  return count > 0 and least or 0 / 0
end

function methods.max(w, ns, key)
  local count, _, _, most = totals(w, ns, key)
  return count > 0 and most or 0 / 0
end

local function as_text(a, b) return tostring(a) < tostring(b) end

function methods.keys(w, ns)
  move(w, ns)
  local seen, list = {}, {}
  for _, part in pairs(w.parts) do
    for key in pairs(part) do
      if key ~= NO_KEY and not seen[key] then seen[key], list[#list + 1] = true, key end
    end
  end
  table.sort(list, as_text)
  return list
end

return M
