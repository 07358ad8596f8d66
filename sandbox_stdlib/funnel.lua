--[[
Funnels: the number of keys that get from each step to the next, in order and within a time.

    local funnel = require "funnel"
    shop = funnel.new({"view", "cart", "pay"}, {window_s = 3600})
    shop:add(ns, user, "view")
    for _, step in ipairs(shop:report()) do ... end

- `new(steps [, options])`: a list of unique names; options: window_s (3600): the maximum time from the first step to the
  last; capacity (10000): the maximum number of active keys; the oldest key is dropped to make room
- `f:add(ns, key, step)` -> the number of the step that the key has reached, nil if it was not the key's next step. The
  first step starts again when the key's time is over.
- `f:report()` -> list of {step=, count=, of_previous=, of_first=}: keys that reached each step, and shares (nan for none)
- `f:expire(ns)` -> number of dropped keys whose time is over; `f:clear()`

The state is plain data, the metatable is named "funnel".
--]]

local math = require "math"

local error, ipairs, pairs, setmetatable, type = error, ipairs, pairs, setmetatable, type

local methods = {}
local metatable = {__index = methods, __name = "funnel"}
local M = {metatables = {funnel = metatable}}

function methods.clear(f)
  f.under_way, f.size, f.counts = {}, 0, {}
  for i = 1, #f.steps do f.counts[i] = 0 end
end

function M.new(steps, options)
  if type(steps) ~= "table" or #steps < 2 then error("funnel: at least two steps are needed", 2) end
  local f = {steps = {}, numbers = {}, window_s = options and options.window_s or 3600,
    capacity = options and options.capacity or 10000}
  for i, step in ipairs(steps) do
    if f.numbers[step] then error("funnel: a step occurs twice", 2) end
    f.steps[i], f.numbers[step] = step, i
  end
  methods.clear(f)
  return setmetatable(f, metatable)
end

local function drop(f, key)
  f.under_way[key], f.size = nil, f.size - 1
end

local function make_room(f)
  if f.size < f.capacity then return end
  local first_key, when = nil, math.huge
  for key, entry in pairs(f.under_way) do
    if entry.began < when then first_key, when = key, entry.began end
  end
  drop(f, first_key)
end

local function begin(f, ns, key)
  make_room(f)
  f.under_way[key], f.size = {began = ns, reached = 1}, f.size + 1
  f.counts[1] = f.counts[1] + 1
  return 1
end

function methods.add(f, ns, key, step)
  local number = f.numbers[step]
  if not number or key == nil then return nil end
  local entry = f.under_way[key]
  if entry and ns - entry.began > f.window_s * 1e9 then
    drop(f, key)
    entry = nil
  end
  if not entry then return number == 1 and begin(f, ns, key) or nil end
  if number ~= entry.reached + 1 then return nil end
  entry.reached = number
  f.counts[number] = f.counts[number] + 1
  if number == #f.steps then drop(f, key) end
  return number
end

function methods.expire(f, ns)
  local dropped = 0
  for key, entry in pairs(f.under_way) do
    if ns - entry.began > f.window_s * 1e9 then
      drop(f, key)
      dropped = dropped + 1
    end
  end
  return dropped
end

function methods.report(f)
  local list = {}
  for i, step in ipairs(f.steps) do
    local count = f.counts[i]
    list[i] = {step = step, count = count, of_previous = count / (f.counts[i - 1] or count), of_first = count / f.counts[1]}
  end
  return list
end

return M
