--[[
LPEG grammars for times, and conversions of their captures.

Each grammar captures a table of its parts as text:
year, month, day, hour, min, sec, sec_frac, and offset_sign, offset_hour,
offset_min or timezone; month is always two digits.

- `rfc3339`, and its parts `rfc3339_full_date`, `rfc3339_partial_time`,
  `rfc3339_time_offset`, `rfc3339_full_time`
- `rfc3164_timestamp`: Oct 11 22:14:15 (no year)
- `clf_timestamp`: 10/Oct/2000:13:55:36 -0700
- `mysql_timestamp`: 20001010135536
- `pgsql_timestamp`: 2000-10-10 13:55:36.123-07, also with a zone name
- `build_strftime_grammar(format)`: a grammar for a strftime format
- `time_to_ns(parts)`: nanoseconds since 1970 as a number (exact to 256 ns). A time without
  a zone is UTC. A time without a year is in the latest year in which it is at most a day ahead of now.
- `seconds_to_ns(seconds)`, `epoch_to_ns(text, unit)`: the same for the time since 1970, as a text or a number;
  `unit` is s, ms, us or ns
- `seconds_and_ns(parts)`, `since_1970(text, unit)`: exact: the seconds, and the remaining nanoseconds; nil if it is
  not a valid time. In a sandbox `seconds * 1000000000LL + ns` is an exact Timestamp, a 64-bit integer.
--]]

local lpeg = require "lpeg"
local os = require "os"
local math = require "math"

local error, tonumber, type = error, tonumber, type
local floor, max = math.floor, math.max
local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

-- ------------------------------------------------------------------ parts --

local digit = R"09"
local function between(name, pattern) return Cg(C(pattern), name) end

M.date_fullyear = between("year", digit * digit * digit * digit)
M.date_month = between("month", P"0" * R"19" + P"1" * R"02")
M.date_mday = between("day", P"0" * R"19" + R"12" * digit + P"3" * R"01")
M.time_hour = between("hour", R"01" * digit + P"2" * R"03")
M.time_minute = between("min", R"05" * digit)
M.time_second = between("sec", R"05" * digit + "60")
M.time_secfrac = S".," * Cg(digit^1 / function(text) return tonumber("0." .. text) end, "sec_frac")

local MONTHS = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
local MONTH_NAMES = {
  "January", "February", "March", "April", "May", "June", "July", "August", "September",
  "October", "November", "December",
}
local DAYS = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
local DAY_NAMES = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}

local function one_of(names, value_of)
  local pattern = P(false)
  for i = 1, #names do pattern = pattern + P(names[i]) * Cc(value_of(i)) end
  return pattern
end

local function two_digits(i) return ("%02d"):format(i) end

M.date_mabbr = Cg(one_of(MONTHS, two_digits), "month")
M.date_mfull = Cg(one_of(MONTH_NAMES, two_digits), "month")
local day_abbreviated = one_of(DAYS, two_digits) / 0
local day_full = one_of(DAY_NAMES, two_digits) / 0
local day_of_month = M.date_mday + P" " * between("day", R"19")

M.timezone_offset = between("offset_sign", S"+-")
  * between("offset_hour", R"01" * digit + P"2" * R"03") * P":"^-1 * between("offset_min", R"05" * digit)
M.timezone = between("timezone", R"AZ" * R("AZ", "az")^1)

-- --------------------------------------------------------------- RFC 3339 --

local full_date = M.date_fullyear * "-" * M.date_month * "-" * M.date_mday
local partial_time = M.time_hour * ":" * M.time_minute * ":" * M.time_second * M.time_secfrac^-1
local numeric_offset = between("offset_sign", S"+-")
  * between("offset_hour", R"01" * digit + P"2" * R"03") * ":" * between("offset_min", R"05" * digit)
local zulu = Cg(S"Zz" * Cc"UTC", "timezone")

M.rfc3339_full_date = Ct(full_date)
M.rfc3339_partial_time = Ct(partial_time)
M.rfc3339_time_numoffset = Ct(numeric_offset)
M.rfc3339_time_offset = Ct(zulu + numeric_offset)
M.rfc3339_full_time = Ct(partial_time * (zulu + numeric_offset))
M.rfc3339 = Ct(full_date * S"Tt " * partial_time * (zulu + numeric_offset))

-- ----------------------------------------------------------------- others --

local clock_time = M.time_hour * ":" * M.time_minute * ":" * M.time_second

M.rfc3164_timestamp = Ct(M.date_mabbr * " " * day_of_month * " " * clock_time)
M.clf_timestamp = Ct(
  M.date_mday * "/" * M.date_mabbr * "/" * M.date_fullyear * ":" * clock_time * " " * M.timezone_offset)
M.mysql_timestamp = Ct(
  M.date_fullyear * M.date_month * M.date_mday * M.time_hour * M.time_minute * M.time_second)
local pgsql_offset = between("offset_sign", S"+-") * between("offset_hour", digit * digit)
  * (P":" * between("offset_min", digit * digit))^-1
M.pgsql_timestamp = Ct(full_date * " " * partial_time * (P" "^-1 * (pgsql_offset + M.timezone))^-1)

-- --------------------------------------------------------------- strftime --

local hour12 = between("hour", P"0" * R"19" + P"1" * R"02" + P" " * R"19")
local period = Cg((P"AM" + "am") * Cc"AM" + (P"PM" + "pm") * Cc"PM", "period")
local century_year = Cg(C(digit * digit) / function(text)
  return (tonumber(text) < 69 and "20" or "19") .. text
end, "year")
local any_digits = digit^1

local SPECIFIERS = {
  a = day_abbreviated, A = day_full, b = M.date_mabbr, h = M.date_mabbr, B = M.date_mfull,
  d = M.date_mday, e = day_of_month, m = M.date_month, y = century_year, Y = M.date_fullyear,
  H = M.time_hour, I = hour12, M = M.time_minute, S = M.time_second, p = period,
  j = digit * digit * digit, u = R"17", w = R"06", U = digit * digit, W = digit * digit, V = digit * digit,
  s = Cg(any_digits / tonumber, "sec_since_epoch"),
  f = Cg(any_digits / function(text) return tonumber("0." .. text) end, "sec_frac"),
  z = M.timezone_offset + zulu, Z = M.timezone,
  n = P"\n", t = P"\t", ["%"] = P"%",
  F = full_date, T = clock_time, R = M.time_hour * ":" * M.time_minute,
  D = M.date_month * "/" * M.date_mday * "/" * century_year,
  r = hour12 * ":" * M.time_minute * ":" * M.time_second * " " * period,
  c = day_abbreviated * " " * M.date_mabbr * " " * day_of_month * " " * clock_time * " " * M.date_fullyear,
}

-- %S with a fraction is written %S.%f. %e and %I accept a space instead of a leading zero.
function M.build_strftime_grammar(format)
  local grammar, at = P(true), 1
  while at <= #format do
    local char = format:sub(at, at)
    if char == "%" then
      at = at + 1
      local specifier = SPECIFIERS[format:sub(at, at)]
      if not specifier then error("strftime: unknown specifier %" .. format:sub(at, at), 2) end
      grammar = grammar * specifier
    else
      grammar = grammar * P(char)
    end
    at = at + 1
  end
  return Ct(grammar)
end

-- ----------------------------------------------------------- nanoseconds --

-- Days since 1970-01-01 in the proleptic Gregorian calendar.
local function days_from_civil(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  return era * 146097 + year_of_era * 365 + floor(year_of_era / 4) - floor(year_of_era / 100)
    + day_of_year - 719468
end

-- Unambiguous names of time zones.
local ZONE_HOURS = {UTC = 0, GMT = 0, Z = 0, EST = -5, EDT = -4, CST = -6, CDT = -5, MST = -7, MDT = -6,
  PST = -8, PDT = -7, CET = 1, CEST = 2, EET = 2, EEST = 3, WET = 0, WEST = 1, MSK = 3, JST = 9}

local function offset_seconds(parts)
  if parts.timezone then return (ZONE_HOURS[parts.timezone] or 0) * 3600 end
  if not parts.offset_hour then return 0 end
  local seconds = tonumber(parts.offset_hour) * 3600 + tonumber(parts.offset_min or 0) * 60
  return parts.offset_sign == "-" and -seconds or seconds
end

local function hour_of(parts)
  local hour = tonumber(parts.hour or 0)
  if not parts.period then return hour end
  return hour % 12 + (parts.period == "PM" and 12 or 0)
end

local function seconds_in_year(parts, year)
  return days_from_civil(year, tonumber(parts.month or 1), tonumber(parts.day or 1)) * 86400
    + hour_of(parts) * 3600 + tonumber(parts.min or 0) * 60 + tonumber(parts.sec or 0)
    - offset_seconds(parts)
end

local DAY_S = 86400

local function latest_not_after_tomorrow(parts)
  local now = os.time()
  local year = tonumber(os.date("!%Y", now)) + 1
  while seconds_in_year(parts, year) > now + DAY_S do
    year = year - 1
  end
  return seconds_in_year(parts, year)
end

-- unit -> number of decimals that make nanoseconds
local DIGITS = {s = 9, ms = 6, us = 3, ns = 0}
local INT64_DIGITS = 19
local FIRST_S, LAST_S = -9223372036, 9223372035 -- the range whose nanoseconds fit into 64 bits

-- Formats the significant digits of a number: a double is exact only to microseconds.
local function decimal(given, digits)
  if given == nil then return "" end
  if type(given) == "string" and not given:find "[eE]" then return given end
  local number = tonumber(given)
  return number and ("%%.%df"):format(max(digits - 3, 0)):format(number) or ""
end

-- Splits the text into seconds and decimals, because a number cannot hold all digits.
function M.since_1970(given, unit)
  local digits = DIGITS[unit]
  local sign, whole, fraction = decimal(given, digits):match "^%s*(%-?)0*(%d+)%.?(%d*)%s*$"
  if not whole or #whole + digits > INT64_DIGITS then return nil end
  local text = whole .. (fraction .. "000000000"):sub(1, digits)
  local seconds, ns = tonumber(text:sub(1, -10)) or 0, tonumber(text:sub(-9))
  if seconds > LAST_S then return nil end
  if sign == "-" then return -seconds, -ns end
  return seconds, ns
end

function M.epoch_to_ns(given, unit)
  local seconds, ns = M.since_1970(given, unit)
  return seconds and seconds * 1e9 + ns
end

function M.seconds_to_ns(seconds) return M.epoch_to_ns(seconds, "s") end

local function of_parts(parts)
  local seconds = parts.sec_since_epoch or parts.year and seconds_in_year(parts, tonumber(parts.year))
    or latest_not_after_tomorrow(parts)
  return seconds, floor((parts.sec_frac or 0) * 1e9 + 0.5)
end

function M.time_to_ns(parts)
  if not parts then return nil end
  local seconds, ns = of_parts(parts)
  return seconds * 1e9 + ns
end

function M.seconds_and_ns(parts)
  if not parts then return nil end
  local seconds, ns = of_parts(parts)
  if seconds < FIRST_S or seconds > LAST_S then return nil end
  return seconds, ns
end

return M
