-- Sets of bytes for regular expressions: {[byte]=true}. A set that was made is
-- never changed afterwards (nodes share them), except by `add` while it grows.

local function range(first, last)
  local set = {}
  for byte = first, last do set[byte] = true end
  return set
end

local function add(set, other)
  for byte in pairs(other) do set[byte] = true end
  return set
end

local function negate(set)
  local rest = {}
  for byte = 0, 255 do
    if not set[byte] then rest[byte] = true end
  end
  return rest
end

local function from_chars(chars)
  local set = {}
  for i = 1, #chars do set[chars:byte(i)] = true end
  return set
end

-- Both cases of every ASCII letter in the set.
local function fold(set)
  local folded = add({}, set)
  for upper = 65, 90 do
    if set[upper] or set[upper + 32] then
      folded[upper], folded[upper + 32] = true, true
    end
  end
  return folded
end

local function size(set)
  local count = 0
  for _ in pairs(set) do count = count + 1 end
  return count
end

local digit = range(48, 57)
local upper, lower = range(65, 90), range(97, 122)
local alpha = add(add({}, upper), lower)
local alnum = add(add({}, alpha), digit)
local word = add({[95] = true}, alnum)
local space = from_chars(" \t\n\v\f\r")
local graph = range(33, 126)

-- Punctuation is what is visible and neither letter nor digit.
local punct = {}
for byte in pairs(graph) do
  if not alnum[byte] then punct[byte] = true end
end

return {
  range = range,
  add = add,
  negate = negate,
  fold = fold,
  size = size,
  all = range(0, 255),
  not_newline = negate{[10] = true},
  word = word,
  named = {
    d = digit, D = negate(digit),
    w = word, W = negate(word),
    s = space, S = negate(space),
  },
  posix = {
    alnum = alnum, alpha = alpha, digit = digit, upper = upper, lower = lower,
    space = space, word = word, punct = punct, graph = graph,
    blank = from_chars(" \t"), ascii = range(0, 127), print = range(32, 126),
    cntrl = add({[127] = true}, range(0, 31)), xdigit = from_chars("0123456789abcdefABCDEF"),
  },
}
