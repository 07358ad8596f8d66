-- Numbers in the bytes of a pack.
local ffi = require "ffi"

local M = {}

-- a loop inside of a loop makes the compiler leave one trace for another; up to six digits need none
local function read_short(base, from, n)
  local v = base[from] - 48
  if n == 1 then return v end
  v = v * 10 + base[from + 1] - 48
  if n == 2 then return v end
  v = v * 10 + base[from + 2] - 48
  if n == 3 then return v end
  v = v * 10 + base[from + 3] - 48
  if n == 4 then return v end
  v = v * 10 + base[from + 4] - 48
  if n == 5 then return v end
  return v * 10 + base[from + 5] - 48
end

-- decimal digits, maybe after a sign, as a Lua number; exact up to 2^53, as any Lua number
function M.read(base, from, to)
  if to - from <= 6 and base[from] >= 48 then return read_short(base, from, to - from) end
  if to - from > 15 then return tonumber(ffi.string(base + from, to - from)) end -- rounded once, not at each digit
  local negative = false
  local c = base[from]
  if c == 45 or c == 43 then
    negative = c == 45
    from = from + 1
  end
  local v = 0
  for i = from, to - 1 do
    v = v * 10 + (base[i] - 48)
  end
  return negative and -v or v
end

-- the same as an exact int64 (wraps beyond the range)
function M.read_int64(base, from, to)
  local negative = false
  local c = base[from]
  if c == 45 or c == 43 then
    negative = c == 45
    from = from + 1
  end
  local v = 0LL
  for i = from, to - 1 do
    v = v * 10 + (base[i] - 48)
  end
  return negative and -v or v
end

local SAFE = 9007199254740992 -- 2^53: from here on a Lua number may stand for several integers
M.SAFE = SAFE

-- how many digits there are behind a sign and leading zeros
local function significant(base, from, to)
  local c = base[from]
  if c == 45 or c == 43 then from = from + 1 end
  while from < to and base[from] == 48 do
    from = from + 1
  end
  return to - from
end

-- decimal digits, maybe after a sign, as an int64; nil if they are beyond its range
function M.exact_int64(base, from, to)
  local v = M.read_int64(base, from, to)
  if to - from <= 18 then return v end
  local digits = significant(base, from, to)
  if digits > 19 then return nil end
  -- the least number of 19 digits that has no place in 63 bits is 2^63, the largest has one in 64
  if digits == 19 and (v < 0) ~= (base[from] == 45) then return nil end
  return v
end

-- the same for a text, which may be no number at all
function M.int64_of(text)
  if not text:find "^[+-]?%d+$" then return nil end
  M.held = text -- the pointer does not keep it from being collected
  return M.exact_int64(ffi.cast("const uint8_t *", text), 0, #text)
end

-- Integers beyond 2^53 that a script was given as Lua numbers, where no record has them any more: number -> int64, or false if two
-- of them are the same number.
local recent, recent_count = {}, 0
local MAX_RECENT = 1000

-- v: int64. Answers the Lua number that a script sees, and remembers the digits that it loses.
function M.lend(v)
  local n = tonumber(v)
  if n > -SAFE and n < SAFE then return n end
  if recent_count >= MAX_RECENT then
    recent, recent_count = {}, 0
  end
  if recent[n] == nil then
    recent[n], recent_count = v, recent_count + 1
  elseif recent[n] ~= v then
    recent[n] = false
  end
  return n
end

function M.forget_lent()
  if recent_count > 0 then
    recent, recent_count = {}, 0
  end
end

-- the int64 that was lent as n; nil if none was, false if it could be several
function M.lent(n)
  return recent[n]
end

function M.read_double(base, from, to)
  return tonumber(ffi.string(base + from, to - from))
end

-- text of an int64 (LuaJIT would add "LL")
function M.int64_text(v)
  return (tostring(v):gsub("U?LL$", ""))
end

-- text of a double that reads back as the same double; integers without a point
function M.double_text(v)
  if v % 1 == 0 and v >= -9007199254740992 and v <= 9007199254740992 then return string.format("%d", v) end
  local short = string.format("%.15g", v)
  if tonumber(short) == v then return short end
  return string.format("%.17g", v)
end

return M
