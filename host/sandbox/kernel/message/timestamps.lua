-- Timestamps in text to nanoseconds since 1970, straight from the bytes of a pack.
-- Each parser is called as parse(base, from, to): it leaves the result in `value[0]` (int64) and answers true,
-- or answers false if the bytes are not a valid time. Log lines repeat their timestamp, so each parser
-- remembers the last one it read and compares bytes first.
local ffi = require "ffi"
local L = require "layout"

local cast, copy, C = ffi.cast, ffi.copy, ffi.C
local u64_ptr = L.u64_ptr
local floor = math.floor

local M = {}
local value = ffi.new "int64_t[1]"
M.value = value

local NS = 1000000000LL

-- days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil)
local function days(y, m, d)
  if m <= 2 then y = y - 1 end
  local era = floor(y / 400)
  local yoe = y - era * 400
  local doy = floor((153 * (m + (m > 2 and -3 or 9)) + 2) / 5) + d - 1
  local doe = yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + doy
  return era * 146097 + doe - 719468
end
M.days = days

local MONTH_DAYS = { [0] = 0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function leap(y)
  return y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0)
end

-- the years that have all their nanoseconds within an int64
local FIRST_YEAR, LAST_YEAR = 1678, 2261

-- a leap second (:60) counts as the first second of the next minute
local function set(y, mo, d, h, mi, s, offset_s, ns)
  if mo < 1 or mo > 12 or d < 1 or d > MONTH_DAYS[mo] or h > 23 or mi > 59 or s > 60 then return false end
  if mo == 2 and d == 29 and not leap(y) or y < FIRST_YEAR or y > LAST_YEAR then return false end
  local seconds = days(y, mo, d) * 86400 + h * 3600 + mi * 60 + s - offset_s
  value[0] = seconds * NS + ns
  return true
end

local function digit(p, at)
  local d = p[at] - 48
  if d < 0 or d > 9 then return -1e9 end
  return d
end

local function two(p, at)
  return digit(p, at) * 10 + digit(p, at + 1)
end

local function four(p, at)
  return two(p, at) * 100 + two(p, at + 2)
end

local MONTHS = {}
for i, name in ipairs { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" } do
  local a, b, c = name:byte(1, 3)
  MONTHS[a * 65536 + b * 256 + c] = i
end

local function month(p, at)
  return MONTHS[p[at] * 65536 + p[at + 1] * 256 + p[at + 2]] or 0
end

-- +hhmm, +hh:mm or Z at [at, to); nil if it is none of them
local function zone(p, at, to)
  local c = p[at]
  if (c == 90 or c == 122) and to == at + 1 then return 0 end
  if c ~= 43 and c ~= 45 then return nil end
  local minutes_at = at + 3
  if to - at == 6 and p[at + 3] == 58 then
    minutes_at = at + 4
  elseif to - at ~= 5 then
    return nil
  end
  local h, m = two(p, at + 1), two(p, minutes_at)
  if h < 0 or m < 0 or h > 23 or m > 59 then return nil end
  local seconds = h * 3600 + m * 60
  return c == 45 and -seconds or seconds
end

local function parse_clf(p, at)
  local y, d, h, mi, s = four(p, at + 7), two(p, at), two(p, at + 12), two(p, at + 15), two(p, at + 18)
  if y < 0 or d < 0 or h < 0 or mi < 0 or s < 0 then return false end
  if p[at + 2] ~= 47 or p[at + 6] ~= 47 or p[at + 11] ~= 58 or p[at + 14] ~= 58 or p[at + 17] ~= 58 then return false end
  local offset = zone(p, at + 21, at + 26)
  return offset ~= nil and p[at + 20] == 32 and set(y, month(p, at + 3), d, h, mi, s, offset, 0)
end

local clf_last, clf_ns = ffi.new "uint64_t[4]", ffi.new "int64_t[1]"

-- 10/Oct/2000:13:55:36 -0700, as nginx and Apache write it
function M.clf(base, from, to)
  if to - from ~= 26 then return false end
  local p = base + from
  local a, b = cast(u64_ptr, p)[0], cast(u64_ptr, p + 8)[0]
  local c, d = cast(u64_ptr, p + 16)[0], cast(u64_ptr, p + 18)[0]
  if a == clf_last[0] and b == clf_last[1] and c == clf_last[2] and d == clf_last[3] then
    value[0] = clf_ns[0]
    return true
  end
  if not parse_clf(base, from) then return false end
  clf_last[0], clf_last[1], clf_last[2], clf_last[3] = a, b, c, d
  clf_ns[0] = value[0]
  return true
end

local MEMO_BYTES = 64

-- wraps a parser so that the same bytes as last time are not parsed again
local function remembered(parse)
  local last, length, ns = ffi.new("uint8_t[?]", MEMO_BYTES), -1, ffi.new "int64_t[1]"
  return function(base, from, to)
    local n = to - from
    if n == length and C.memcmp(base + from, last, n) == 0 then
      value[0] = ns[0]
      return true
    end
    if not parse(base, from, to) then return false end
    if n <= MEMO_BYTES then
      copy(last, base + from, n)
      length = n
      ns[0] = value[0]
    end
    return true
  end
end

-- digits at [at, to) as a fraction of a second in ns; answers ns and the position behind the digits
local function fraction(p, at, to)
  local ns, scale = 0, 100000000
  while at < to do
    local d = p[at] - 48
    if d < 0 or d > 9 then break end
    ns = ns + d * scale
    scale = floor(scale / 10)
    at = at + 1
  end
  return ns, at
end

-- 2026-11-22T01:02:03[.123456789](Z|+01:00); a space for the T is accepted, no zone means UTC
M.rfc3339 = remembered(function(p, from, to)
  if to - from < 19 then return false end
  local y, mo, d = four(p, from), two(p, from + 5), two(p, from + 8)
  local h, mi, s = two(p, from + 11), two(p, from + 14), two(p, from + 17)
  if y < 0 or mo < 0 or d < 0 or h < 0 or mi < 0 or s < 0 then return false end
  local sep = p[from + 10]
  if p[from + 4] ~= 45 or p[from + 7] ~= 45 or p[from + 13] ~= 58 or p[from + 16] ~= 58 then return false end
  if sep ~= 84 and sep ~= 116 and sep ~= 32 then return false end
  local at, ns = from + 19, 0
  if at < to and (p[at] == 46 or p[at] == 44) then
    ns, at = fraction(p, at + 1, to)
  end
  local offset = 0
  if at < to then
    offset = zone(p, at, to)
    if not offset then return false end
  end
  return set(y, mo, d, h, mi, s, offset, ns)
end)

-- The year that an RFC 3164 timestamp leaves out is the latest one in which it is not later than a day after this time (ns),
-- the arrival of the pack. So a December line that is read in January falls into the year before, and a clock that is fast
-- does no harm.
M.reference_ns = ffi.new "int64_t[1]"

local DAY_NS = 86400000000000LL
local MAX_YEARS_BACK = 9 -- 29 February: there may be eight years between two of them

local function year_of(ns)
  return tonumber(os.date("!%Y", tonumber(ns / NS)))
end

-- Oct 11 22:14:15 (the day padded with a space), in UTC
M.rfc3164 = remembered(function(p, from, to)
  if to - from ~= 15 then return false end
  local d = p[from + 4] == 32 and digit(p, from + 5) or two(p, from + 4)
  local h, mi, s = two(p, from + 7), two(p, from + 10), two(p, from + 13)
  if d < 0 or h < 0 or mi < 0 or s < 0 or p[from + 3] ~= 32 or p[from + 6] ~= 32 then return false end
  local mo, reference = month(p, from), M.reference_ns[0]
  local year = year_of(reference) + 1
  for y = year, year - MAX_YEARS_BACK, -1 do
    if set(y, mo, d, h, mi, s, 0, 0) and value[0] <= reference + DAY_NS then return true end
  end
  return false
end)

-- seconds with an optional fraction, or an integer in another unit
local function epoch(unit_ns)
  local most = 0x7fffffffffffffffLL / unit_ns - 1
  return remembered(function(p, from, to)
    local at, v, negative = from, 0LL, false
    if p[at] == 45 then
      negative, at = true, at + 1
    end
    local first = at
    while at < to and p[at] >= 48 and p[at] <= 57 do
      v = v * 10 + (p[at] - 48)
      at = at + 1
    end
    if at == first or at - first > 19 or v < 0 or v > most then return false end
    v = v * unit_ns
    if at < to then
      if p[at] ~= 46 then return false end
      local ns, stop = fraction(p, at + 1, to)
      if stop ~= to then return false end
      v = v + floor(ns * (tonumber(unit_ns) / 1e9))
    end
    value[0] = negative and -v or v
    return true
  end)
end

M.epoch_s = epoch(1000000000LL)
M.epoch_ms = epoch(1000000LL)
M.epoch_us = epoch(1000LL)
M.epoch_ns = epoch(1LL)

local PARSERS = {
  clf = true, rfc3339 = true, rfc3164 = true, epoch_s = true, epoch_ms = true, epoch_us = true, epoch_ns = true,
}

-- Returns the parser of a format, or nil if there is none of that name.
function M.parser(format)
  return PARSERS[format] and M[format]
end

-- The nanoseconds that a Lua number stands for. Beyond 2^53 it is exact to 256 ns only; where that may be a whole microsecond it is
-- taken for one, which is what most clocks give. Answers nil for what is no int64.
function M.of_number(n)
  if not (n >= -2 ^ 63 and n < 2 ^ 63) then return nil end
  local ns = ffi.cast("int64_t", n)
  if n > -9007199254740992 and n < 9007199254740992 then return ns end
  local whole = (ns + (ns < 0 and -500LL or 500LL)) / 1000LL * 1000LL
  local off = whole - ns
  return off >= -128LL and off <= 128LL and whole or ns
end

-- A parser made of a script's function: text -> nanoseconds since 1970 (a number, or an int64), or nil.
function M.by(transform)
  local known, count = {}, 0
  return function(p, from, to)
    local text = ffi.string(p + from, to - from)
    local ns = known[text]
    if ns == nil then
      ns = transform(text)
      if ns ~= nil and type(ns) ~= "number" and type(ns) ~= "cdata" then
        error("declare_grammar: the transform of Timestamp must answer nanoseconds", 0)
      end
      if count >= 1000 then
        known, count = {}, 0
      end
      if type(ns) == "number" then ns = M.of_number(ns) end
      known[text], count = ns or false, count + 1
    end
    if not ns then return false end
    M.value[0] = ns
    return true
  end
end

return M
