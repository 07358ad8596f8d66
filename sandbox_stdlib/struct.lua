--[[
Packs and unpacks binary records of numbers and strings.

- `pack(format, ...)` -> string
- `unpack(format, text [, position = 1])` -> the values, then the position after them
- `size(format)` -> size of a format in bytes (without s and c0)

A format is a sequence of these:

    <  >  =    from here on: little endian, big endian, the machine's (little endian everywhere)
    !n         align to n bytes, a power of two (default 8); without it nothing is aligned
    x          a byte of padding (0)
    b B        signed and unsigned byte
    h H        short, 2 bytes
    l L        long, 8 bytes
    T          size, 8 bytes, unsigned
    in In      integer of n bytes, 1 to 8 (default 4), signed and unsigned
    f d        float, double
    s          string that ends in a zero byte, which is not part of the value
    cn         n characters (default 1). c0 packs the whole string. To unpack c0, the number before it sets the number
               of characters and is not returned
    space      nothing

A Lua number is exact for integers up to 2^53; larger ones become the nearest number. An integer that does not fit is
truncated to its lowest bytes, as in C. Too few bytes, too few arguments, and unknown letters are errors.

Source: the format of Roberto Ierusalimschy's struct library (http://www.inf.puc-rio.br/~roberto/struct/).
--]]

local ieee754 = require "ieee754"
local math = require "math"
local string = require "string"
local table = require "table"

local error, select, tonumber, type, unpack = error, select, tonumber, type, unpack
local floor = math.floor
local byte, char, rep = string.byte, string.char, string.rep

local M = {}

local WORD = 2 ^ 32
local DEFAULT_ALIGNMENT = 8
local SIZES = {b = 1, B = 1, h = 2, H = 2, l = 8, L = 8, T = 8, f = 4, d = 8, x = 1}
local SIGNED = {b = true, h = true, l = true, i = true}

-- ---------------------------------------------------------------- formats --

local function fail(text) error("struct: " .. text, 4) end

-- Calls step(letter, size, big_endian, padding) for each item of a format; position() returns the position of the next one.
local function each(format, position, step)
  local big, alignment, at = false, 1, 1
  while at <= #format do
    local letter, digits = format:match("^(.)(%d*)", at)
    if not (letter == "!" or letter == "c" or letter == "i" or letter == "I") then digits = "" end
    at = at + 1 + #digits
    if letter == "<" or letter == "=" then
      big = false
    elseif letter == ">" then
      big = true
    elseif letter == "!" then
      alignment = tonumber(digits) or DEFAULT_ALIGNMENT
      if math.frexp(alignment) ~= 0.5 then fail "an alignment must be a power of two" end
    elseif letter ~= " " then
      local size = SIZES[letter]
      if letter == "i" or letter == "I" then
        size = tonumber(digits) or 4
        if size < 1 or size > 8 then fail "an integer has 1 to 8 bytes" end
      elseif letter == "c" then
        size = tonumber(digits) or 1
      elseif not size and letter ~= "s" then
        fail("unknown letter " .. letter)
      end
      local padding = 0
      if letter ~= "c" and letter ~= "s" and letter ~= "x" then
        local unit = size < alignment and size or alignment
        if math.frexp(unit) == 0.5 then padding = -position() % unit end
      end
      step(letter, size, big, padding)
    end
  end
end

-- --------------------------------------------------------------- numbers --

local function ordered(text, big) return big and text:reverse() or text end

local function bytes_of(value, size)
  local out = {}
  for i = 1, size do
    local low = value % 256
    out[i] = char(low)
    value = (value - low) / 256
  end
  return table.concat(out)
end

local function pack_number(letter, size, value)
  if letter == "d" then
    local high, low = ieee754.double_words(value)
    return bytes_of(low, 4) .. bytes_of(high, 4)
  end
  if letter == "f" then return bytes_of(ieee754.float_word(value), 4) end
  return bytes_of(floor(value), size)
end

local function integer_of(text)
  local value = 0
  for i = #text, 1, -1 do value = value * 256 + byte(text, i) end
  return value
end

-- Computes a negative integer from its complement, so that a small 8-byte integer is exact.
local function signed_of(text)
  if byte(text, #text) < 128 then return integer_of(text) end
  return -1 - integer_of((text:gsub(".", function(c) return char(255 - byte(c)) end)))
end

local function unpack_number(letter, text)
  if letter == "d" then return ieee754.double_of(integer_of(text:sub(5)), integer_of(text:sub(1, 4)) % WORD) end
  if letter == "f" then return ieee754.float_of(integer_of(text)) end
  return SIGNED[letter] and signed_of(text) or integer_of(text)
end

-- ------------------------------------------------------------------ public --

local function pack_string(letter, size, value)
  if type(value) ~= "string" then fail "a string was expected" end
  if letter == "s" then return value .. "\0" end
  if size == 0 then return value end
  if #value < size then fail "the string is too short" end
  return value:sub(1, size)
end

function M.pack(format, ...)
  local parts, length, count = {}, 0, 0
  local arguments, given = {...}, select("#", ...)
  local function append(text) parts[#parts + 1], length = text, length + #text end
  each(format, function() return length end, function(letter, size, big, padding)
    append(rep("\0", padding))
    if letter == "x" then return append "\0" end
    count = count + 1
    if count > given then fail "too few values" end
    local value = arguments[count]
    if letter == "s" or letter == "c" then return append(pack_string(letter, size, value)) end
    if type(value) ~= "number" then fail "a number was expected" end
    append(ordered(pack_number(letter, size, value), big))
  end)
  return table.concat(parts)
end

function M.unpack(format, text, position)
  local at, values, count = position or 1, {}, 0
  local function take(size)
    if at + size - 1 > #text then fail "the text is too short" end
    at = at + size
    return text:sub(at - size, at - 1)
  end
  local function drop_length()
    local size = values[count]
    if type(size) ~= "number" or size < 0 then fail "c0 needs a number before it" end
    values[count], count = nil, count - 1
    return size
  end
  local function terminated()
    local last = text:find("\0", at, true)
    if not last then fail "the string does not end" end
    return take(last - at + 1):sub(1, -2)
  end
  each(format, function() return at - 1 end, function(letter, size, big, padding)
    take(padding)
    local value
    if letter == "x" then
      take(1)
      return
    elseif letter == "s" then
      value = terminated()
    elseif letter == "c" then
      value = take(size == 0 and drop_length() or size)
    else
      value = unpack_number(letter, ordered(take(size), big))
    end
    count = count + 1
    values[count] = value
  end)
  values[count + 1] = at
  return unpack(values, 1, count + 1)
end

function M.size(format)
  local length = 0
  each(format, function() return length end, function(letter, size, _, padding)
    if letter == "s" or letter == "c" and size == 0 then fail "s and c0 have no size" end
    length = length + padding + size
  end)
  return length
end

return M
