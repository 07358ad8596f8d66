--[[
Space saving: the most frequent keys of a stream in fixed memory.

    local space_saving = require "space_saving"
    local clients = space_saving.new(1000)
    clients:add(read_message "Fields[remote_addr]")
    for _, item in ipairs(clients:top(20)) do add_to_payload(item.key, "\t", item.count, "\n") end

- `new(capacity)`: the number of keys to count. Each key that makes up more than 1/capacity of the stream is among
  them. For skewed streams, 10 to 50 times the number of keys of interest is enough.
- `ss:add(key [, count = 1])` -> its count. A key is a string, a number or a boolean. An add costs a few steps.
- `ss:count(key)` -> count, error; nil for a key that is not kept. The true count is from count - error to count.
- `ss:top([n])` -> list of {key=, count=, error=}, most frequent first (equal ones by key); all keys without n
- `ss:total()` -> the sum of all counts added; `ss:clear()`
- `ss:merge(other)` -> ss

The state is plain data, the metatable is named "space_saving".

Source: A. Metwally, D. Agrawal, A. El Abbadi, Efficient Computation of Frequent and Top-k Elements in Data Streams
(2005), on a binary heap; merging after P. K. Agarwal et al., Mergeable Summaries (2012).
--]]

local table = require "table"

local error, getmetatable, ipairs, setmetatable, tostring, type =
  error, getmetatable, ipairs, setmetatable, tostring, type

local methods = {}
local metatable = {__index = methods, __name = "space_saving"}
local M = {metatables = {space_saving = metatable}}

function methods.clear(ss)
  -- A heap with the minimum count on top; place maps a key to its index.
  ss.keys, ss.counts, ss.errors, ss.place, ss.sum = {}, {}, {}, {}, 0
end

function M.new(capacity)
  if type(capacity) ~= "number" or capacity % 1 ~= 0 or capacity < 1 then
    error("space_saving: the capacity must be a whole number greater than 0", 2)
  end
  local ss = {capacity = capacity}
  methods.clear(ss)
  return setmetatable(ss, metatable)
end

-- ------------------------------------------------------------------- heap --

local function put(ss, at, key, count, err)
  ss.keys[at], ss.counts[at], ss.errors[at], ss.place[key] = key, count, err, at
end

-- Moves an entry down to its position in the heap.
local function sink(ss, at, key, count, err)
  local counts, size = ss.counts, #ss.keys
  while true do
    local child = at * 2
    if child > size then break end
    if child < size and counts[child + 1] < counts[child] then child = child + 1 end
    if counts[child] >= count then break end
    put(ss, at, ss.keys[child], counts[child], ss.errors[child])
    at = child
  end
  put(ss, at, key, count, err)
end

local function rise(ss, at, key, count, err)
  while at > 1 do
    local parent = (at - at % 2) / 2
    if ss.counts[parent] <= count then break end
    put(ss, at, ss.keys[parent], ss.counts[parent], ss.errors[parent])
    at = parent
  end
  put(ss, at, key, count, err)
end

-- ----------------------------------------------------------------- public --

local function add(ss, key, count, err)
  local at = ss.place[key]
  if at then
    count = ss.counts[at] + count
    sink(ss, at, key, count, ss.errors[at] + err)
  elseif #ss.keys < ss.capacity then
    rise(ss, #ss.keys + 1, key, count, err)
  else
    local least = ss.counts[1]
    ss.place[ss.keys[1]] = nil
    count = least + count
    sink(ss, 1, key, count, least + err)
  end
  return count
end

function methods.add(ss, key, count)
  count = count or 1
  if key == nil or key ~= key then error("space_saving: the key must not be nil", 2) end
  if type(count) ~= "number" or count <= 0 or count ~= count then error("space_saving: the count must be greater than 0", 2) end
  ss.sum = ss.sum + count
  return add(ss, key, count, 0)
end

function methods.count(ss, key)
  local at = ss.place[key]
  if not at then return nil end
  return ss.counts[at], ss.errors[at]
end

function methods.total(ss) return ss.sum end

local function more_frequent(a, b)
  if a.count ~= b.count then return a.count > b.count end
  return tostring(a.key) < tostring(b.key)
end

function methods.top(ss, n)
  local list = {}
  for at, key in ipairs(ss.keys) do list[at] = {key = key, count = ss.counts[at], error = ss.errors[at]} end
  table.sort(list, more_frequent)
  for i = #list, (n or #list) + 1, -1 do list[i] = nil end
  return list
end

-- Returns the maximum count of a key that a summary does not keep.
local function most_unseen(ss) return #ss.keys < ss.capacity and 0 or ss.counts[1] end

function methods.merge(ss, other)
  if getmetatable(other) ~= metatable then error("space_saving: not a space_saving", 2) end
  local here, there = most_unseen(ss), most_unseen(other)
  local all = {}
  for _, item in ipairs(ss:top()) do
    local count, err = other:count(item.key)
    all[#all + 1] = {key = item.key, count = item.count + (count or there), error = item.error + (err or there)}
  end
  for _, item in ipairs(other:top()) do
    if not ss.place[item.key] then
      all[#all + 1] = {key = item.key, count = item.count + here, error = item.error + here}
    end
  end
  table.sort(all, more_frequent)
  local sum = ss.sum + other.sum
  methods.clear(ss)
  ss.sum = sum
  for i = 1, ss.capacity do
    if all[i] then rise(ss, i, all[i].key, all[i].count, all[i].error) end
  end
  return ss
end

return M
