-- Numbers in the bytes of a pack.
local ffi = require "ffi"

local M = {}

-- a loop inside of a loop makes the compiler leave one trace for another; up to three digits need none
local function read_short(base, from, n)
  local a = base[from] - 48
  if n == 1 then return a end
  local b = base[from + 1] - 48
  if n == 2 then return a * 10 + b end
  return a * 100 + b * 10 + base[from + 2] - 48
end

-- decimal digits, maybe after a sign, as a Lua number; exact up to 2^53, as any Lua number
function M.read(base, from, to)
  if to - from <= 3 and base[from] >= 48 then return read_short(base, from, to - from) end
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
