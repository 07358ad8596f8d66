--[[
Count-min sketch: approximate counts of many keys.

    local cms = require "cms"
    local sketch = cms.new(0.001, 0.01)
    local seen = sketch.add(read_message "Fields[uri]")

- `new(epsilon, delta)`: a count is never too low. With a probability of at most delta, it is too high by more than
  epsilon times the number of all adds. It takes e / epsilon * ln(1 / delta) numbers.
- `sketch.add(key)` -> the count of the key, including this add; `sketch.check(key)` -> the count of the key
- `sketch.reset()`: empties it
- `sketch.getNumItems()` -> estimated number of distinct keys; `sketch.getDepth()`, `sketch.getWidth()`;
  `sketch.getAccumulatedError()` -> epsilon times getNumItems

A key is a string or a number. Functions can be called with a dot or a colon. The state is plain data.

Source: G. Cormode, S. Muthukrishnan, An Improved Data Stream Summary (2005), with conservative updates (C. Estan,
G. Varghese 2002); the API is Hindsight's.
--]]

local key_hash = require "key_hash"
local math = require "math"

local error, setmetatable, type = error, setmetatable, type
local ceil, log, max = math.ceil, math.log, math.max
local pair = key_hash.pair

local WORD = 2 ^ 32

local M = {}

local function fill(sketch)
  sketch.items = 0
  for i = 1, sketch.depth * sketch.width do sketch.counts[i] = 0 end
end

-- Returns the cells of a key, one in each row, and their minimum.
local function places(sketch, key)
  local first, second = pair(key)
  first, second = first % WORD, second % WORD
  local list, least = {}, math.huge
  for row = 1, sketch.depth do
    local place = (row - 1) * sketch.width + (first + row * second) % sketch.width + 1
    list[row] = place
    if sketch.counts[place] < least then least = sketch.counts[place] end
  end
  return list, least
end

local functions = {}

function functions.check(sketch, key)
  local _, least = places(sketch, key)
  return least
end

function functions.add(sketch, key)
  local list, least = places(sketch, key)
  if least == 0 then sketch.items = sketch.items + 1 end
  for row = 1, #list do
    if sketch.counts[list[row]] == least then sketch.counts[list[row]] = least + 1 end
  end
  return least + 1
end

function functions.reset(sketch) fill(sketch) end

function functions.getNumItems(sketch) return sketch.items end

function functions.getDepth(sketch) return sketch.depth end

function functions.getWidth(sketch) return sketch.width end

function functions.getAccumulatedError(sketch) return sketch.items * sketch.epsilon end

-- Functions that know their sketch, called as sketch.add(key) or as sketch:add(key).
local metatable = {__name = "cms"}
M.metatables = {cms = metatable}

local bound = setmetatable({}, {__mode = "k"})       -- sketch -> name -> function

local function bind(sketch, f)
  return function(first, ...)
    if first == sketch then return f(sketch, ...) end
    return f(sketch, first, ...)
  end
end

function metatable.__index(sketch, name)
  local known = bound[sketch]
  if not known then
    known = {}
    bound[sketch] = known
  end
  if not known[name] and functions[name] then known[name] = bind(sketch, functions[name]) end
  return known[name]
end

local function share(value, what)
  if type(value) ~= "number" or not (value > 0 and value < 1) then
    error("cms: " .. what .. " must be between 0 and 1", 3)
  end
  return value
end

function M.new(epsilon, delta)
  local sketch = {epsilon = share(epsilon, "epsilon"), width = ceil(math.exp(1) / epsilon), counts = {}}
  sketch.depth = max(1, ceil(log(1 / share(delta, "delta"))))
  fill(sketch)
  return setmetatable(sketch, metatable)
end

return M
