--[[
SAX: represents series of numbers as words, to compare their shapes.

    local sax = require "sax"
    local shape = sax.word.new("ABCDDCBA", 4)
    local window = sax.window.new(64, 8, 4)
    window:add(value)
    if sax.mindist(window, shape) < 2 then ... end

- `word.new(values, frames, letters)`: from a list of numbers, divided evenly into frames; `word.new(text, letters)`
- `window.new(values, frames, letters)`: a window over the newest `values` values
- letters: 2 to 16, "A" is the lowest; frames: at least 2, a divisor of the number of values; values: 2 to 4096
- `window:add(value)`, `window:add(list)`; `window:get_word()` -> the current word; `window:clear()`
- `word:copy()` -> word
- `mindist(a, b)` -> a lower bound of the Euclidean distance of the normalised series, its part where a is higher, its
  part where b is higher. a and b are words or windows with the same frames and letters.
- tostring returns the letters, == compares them. "#" is a frame without values; its distance from a letter is that of the
  farthest letter.
- `version()`

Each series is normalised to mean 0 and deviation 1 (of its finite values) before letters are assigned. The letters are
equally likely for a normal distribution. nan is ignored. An infinity makes its frame the highest or lowest.

All state is plain data; the metatables are named "sax.word" and "sax.window".

Source: J. Lin et al., Experiencing SAX (2007); breakpoints to four digits, as in the symtseries library.
--]]

local math = require "math"
local string = require "string"
local table = require "table"

local error, getmetatable, ipairs, pairs, rawequal, setmetatable, tonumber, type =
  error, getmetatable, ipairs, pairs, rawequal, setmetatable, tonumber, type
local abs, huge, max, min, sqrt = math.abs, math.huge, math.max, math.min, math.sqrt

-- Breakpoints of equal parts of a normal distribution: the upper half; the lower half mirrors it.
local UPPER = {
  [2] = {0}, [3] = {0.4307}, [4] = {0, 0.6745}, [5] = {0.2533, 0.8416}, [6] = {0, 0.4307, 0.9674},
  [7] = {0.1800, 0.5659, 1.0676}, [8] = {0, 0.3186, 0.6745, 1.1503}, [9] = {0.1397, 0.4307, 0.7647, 1.2206},
  [10] = {0, 0.2533, 0.5244, 0.8416, 1.2816}, [11] = {0.1142, 0.3488, 0.6046, 0.9085, 1.3352},
  [12] = {0, 0.2104, 0.4307, 0.6745, 0.9674, 1.3830}, [13] = {0.0966, 0.2934, 0.5024, 0.7363, 1.0201, 1.4261},
  [14] = {0, 0.1800, 0.3661, 0.5659, 0.7916, 1.0676, 1.4652},
  [15] = {0.0837, 0.2533, 0.4307, 0.6229, 0.8416, 1.1108, 1.5011},
  [16] = {0, 0.1573, 0.3186, 0.4888, 0.6745, 0.8871, 1.1503, 1.5341},
}

local BREAKS = {}
for letters, upper in pairs(UPPER) do
  local list = {}
  for i = #upper, 1, -1 do
    if upper[i] > 0 then list[#list + 1] = -upper[i] end
  end
  for _, value in ipairs(upper) do list[#list + 1] = value end
  BREAKS[letters] = list
end

local word_methods, window_methods = {}, {}
local word_meta = {__index = word_methods, __name = "sax.word"}
local window_meta = {__index = window_methods, __name = "sax.window"}
local M = {word = {}, window = {}, metatables = {["sax.word"] = word_meta, ["sax.window"] = window_meta}}

function M.version() return "1.0.0" end

-- ------------------------------------------------------------------ words --

local function check_shape(values, frames, letters, level)
  if type(values) ~= "number" or values < 2 or values > 4096 or values % 1 ~= 0 then
    error("sax: a series has 2 to 4096 values", level + 1)
  end
  if type(frames) ~= "number" or frames < 2 or values % frames ~= 0 then
    error("sax: the frames must be at least 2, and divide the number of values", level + 1)
  end
  if not BREAKS[letters] then error("sax: the letters must be from 2 to 16", level + 1) end
end

local function is_finite(value) return value == value and abs(value) ~= huge end

local function normalisation(values, count)
  local sum, squares, finite = 0, 0, 0
  for i = 1, count do
    if is_finite(values[i]) then sum, finite = sum + values[i], finite + 1 end
  end
  local mean = sum / finite
  for i = 1, count do
    if is_finite(values[i]) then squares = squares + (values[i] - mean) ^ 2 end
  end
  return mean, sqrt(squares / finite)
end

-- Returns the normalised mean of a frame; nil without values.
local function frame_mean(values, first, last, mean, deviation)
  local sum, count = 0, 0
  for i = first, last do
    local value = values[i]
    if value == value then
      if is_finite(value) then value = deviation > 0 and (value - mean) / deviation or 0 end
      sum, count = sum + value, count + 1
    end
  end
  return count > 0 and sum == sum and sum / count or nil
end

local function letter_of(value, letters)
  local index = 0
  for i, limit in ipairs(BREAKS[letters]) do
    if value >= limit then index = i end
  end
  return string.char(65 + index)
end

local function text_of(values, count, frames, letters)
  local mean, deviation = normalisation(values, count)
  local size, out = count / frames, {}
  for frame = 1, frames do
    local value = frame_mean(values, (frame - 1) * size + 1, frame * size, mean, deviation)
    out[frame] = value and letter_of(value, letters) or "#"
  end
  return table.concat(out)
end

local function new_word(text, letters, values)
  return setmetatable({text = text, letters = letters, values = values}, word_meta)
end

local function word_of_text(text, letters)
  letters = tonumber(letters)
  if not BREAKS[letters] then error("sax: the letters must be from 2 to 16", 3) end
  local last = string.char(64 + letters)
  if text == "" or not text:find("^[A-" .. last .. "#]+$") then error("sax: not a word of these letters", 3) end
  return new_word(text, letters, #text)
end

function M.word.new(from, frames, letters)
  if type(from) == "string" then return word_of_text(from, frames) end
  if type(from) ~= "table" then error("sax: a word is made of a list or a string", 2) end
  check_shape(#from, frames, letters, 2)
  return new_word(text_of(from, #from, frames, letters), letters, #from)
end

function word_methods.copy(word) return new_word(word.text, word.letters, word.values) end

-- ---------------------------------------------------------------- windows --

function M.window.new(values, frames, letters)
  check_shape(values, frames, letters, 2)
  local window = {size = values, frames = frames, letters = letters}
  window_methods.clear(setmetatable(window, window_meta))
  return window
end

local function check_window(window)
  if getmetatable(window) ~= window_meta then error("sax: not a window", 3) end
end

function window_methods.clear(window)
  check_window(window)
  window.ring, window.next = {}, 1
  for i = 1, window.size do window.ring[i] = 0 / 0 end
end

local function push(window, value)
  if type(value) ~= "number" then error("sax: a value must be a number", 3) end
  window.ring[window.next] = value
  window.next = window.next % window.size + 1
end

function window_methods.add(window, value)
  check_window(window)
  if type(value) ~= "table" then return push(window, value) end
  for i = 1, #value do push(window, value[i]) end
end

function window_methods.get_word(window)
  check_window(window)
  local values = {}
  for i = 1, window.size do values[i] = window.ring[(window.next + i - 2) % window.size + 1] end
  return new_word(text_of(values, window.size, window.frames, window.letters), window.letters, window.size)
end

-- ------------------------------------------------------------- comparison --

local function as_word(thing)
  local meta = getmetatable(thing)
  if rawequal(meta, window_meta) then return window_methods.get_word(thing) end
  if rawequal(meta, word_meta) then return thing end
  error("sax: not a word or a window", 3)
end

local function is_equal(a, b)
  a, b = as_word(a), as_word(b)
  return a.text == b.text and a.letters == b.letters
end

local function word_text(thing) return as_word(thing).text end

word_meta.__eq, window_meta.__eq = is_equal, is_equal
word_meta.__tostring, window_meta.__tostring = word_text, word_text

-- Returns letters as numbers from 0; an unknown letter becomes the one farthest from the other.
local function indexes(a, b, letters)
  a, b = a:byte() - 65, b:byte() - 65
  if a < 0 and b < 0 then return 0, 0 end
  if a < 0 then a = b < letters / 2 and letters - 1 or 0 end
  if b < 0 then b = a < letters / 2 and letters - 1 or 0 end
  return a, b
end

local function cell_distance(a, b, breaks)
  if abs(a - b) < 2 then return 0 end
  return breaks[max(a, b)] - breaks[min(a, b) + 1]
end

function M.mindist(a, b)
  a, b = as_word(a), as_word(b)
  if a.letters ~= b.letters or #a.text ~= #b.text then error("sax: the words have different shapes", 2) end
  local breaks, higher, lower = BREAKS[a.letters], 0, 0
  for i = 1, #a.text do
    local x, y = indexes(a.text:sub(i, i), b.text:sub(i, i), a.letters)
    local squared = cell_distance(x, y, breaks) ^ 2
    if x > y then higher = higher + squared else lower = lower + squared end
  end
  local scale = max(a.values, b.values) / #a.text
  return sqrt(scale * (higher + lower)), sqrt(scale * higher), sqrt(scale * lower)
end

return M
