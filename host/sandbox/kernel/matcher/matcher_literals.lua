-- Literals of the message matcher: strings, numbers, times, regular expressions.

local lpeg = require "lpeg"

local P, R, S, C, Cs = lpeg.P, lpeg.R, lpeg.S, lpeg.C, lpeg.Cs

-- ---------------------------------------------------------------- strings --

-- A backslash escapes the enclosing quote and itself; before anything else it
-- stands for itself, as in Heka, so that "C:\temp" needs no care.
local function quoted(quote)
  local escape = P"\\" / "" * S("\\" .. quote)
  return quote * Cs((escape + (1 - P(quote)))^0) * quote
end

local string = (quoted'"' + quoted"'") / function(text) return {type = "string", text = text} end

-- Between slashes only \/ means something here; the rest is the regex's own.
local regex_body = Cs((P"\\/" / "/" + P"\\" * 1 + (1 - S"/\\"))^1)
local regex = "/" * regex_body * "/" / function(text) return {type = "regex", text = text} end

-- ---------------------------------------------------------------- numbers --

local MAX_DIGITS, MIN_DIGITS = "9223372036854775807", "9223372036854775808"

-- True when the digits are an integer of 64 bits with sign.
local function fits_int64(text)
  local sign, digits = text:match("^(-?)0*(%d+)$")
  local limit = sign == "-" and MIN_DIGITS or MAX_DIGITS
  return #digits < #limit or #digits == #limit and digits <= limit
end

local function to_number(text)
  local integer = text:find("^-?%d+$") ~= nil
  return {type = "number", text = text, number = tonumber(text), integer = integer}
end

local digits = R"09"^1
local mantissa = digits * (P"." * R"09"^0)^-1 + P"." * digits
local exponent = S"eE" * S"+-"^-1 * digits
local number = C(P"-"^-1 * mantissa * exponent^-1) * -R("az", "AZ", "09", "__", "..") / to_number

-- ------------------------------------------------------------------ times --

local DAYS_IN_MONTH = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

-- Days since 1970-01-01 in the proleptic Gregorian calendar.
local function days_from_civil(year, month, day)
  if month <= 2 then year = year - 1 end
  local era = math.floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_year = math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1
  local day_of_era = year_of_era * 365 + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100) + day_of_year
  return era * 146097 + day_of_era - 719468
end

-- seconds * 10^9 + nanoseconds in decimal: a double cannot hold it exactly.
local function nanosecond_digits(seconds, nanoseconds)
  local sign = ""
  if seconds < 0 then
    sign, seconds = "-", -seconds
    if nanoseconds > 0 then seconds, nanoseconds = seconds - 1, 1e9 - nanoseconds end
  end
  local text = ("%.0f%09.0f"):format(seconds, nanoseconds):gsub("^0+(%d)", "%1")
  return text == "0" and text or sign .. text
end

local function zone_seconds(zone)
  if zone == "Z" or zone == "z" then return 0 end
  local sign, hours, minutes = zone:match("^([+-])(%d%d):(%d%d)$")
  if not sign or tonumber(hours) > 23 or tonumber(minutes) > 59 then return nil end
  local seconds = tonumber(hours) * 3600 + tonumber(minutes) * 60
  return sign == "-" and -seconds or seconds
end

local function real_date(year, month, day)
  if month < 1 or month > 12 or day < 1 or day > DAYS_IN_MONTH[month] then return false end
  local leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return month ~= 2 or day < 29 or leap
end

local TIME = "^(%d%d%d%d)-(%d%d)-(%d%d)[Tt ](%d%d):(%d%d):(%d%d)(%.?%d*)(.+)$"
local NOT_A_TIME = "not a time in RFC 3339, such as \"2024-05-01T12:30:00Z\""

-- The instant as a number value of nanoseconds, or nil and what is wrong.
local function rfc3339(text)
  local year, month, day, hour, minute, second, fraction, zone = text:match(TIME)
  if not year then return nil, NOT_A_TIME end
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  local offset = zone_seconds(zone)
  local well_formed = offset and (fraction == "" or fraction:find("^%.%d+$"))
  if not well_formed or not real_date(year, month, day) or hour > 23 or minute > 59 or second > 60 then
    return nil, NOT_A_TIME
  end
  local seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
  local nanoseconds = tonumber((fraction:sub(2, 10) .. "000000000"):sub(1, 9))
  local instant = to_number(nanosecond_digits(seconds, nanoseconds))
  if not fits_int64(instant.text) then
    return nil, "the time is outside the years 1678 to 2261"
  end
  instant.rfc3339 = text
  return instant
end

-- ----------------------------------------------------------------- format --

local function quote(text)
  return '"' .. text:gsub('[\\"]', "\\%0") .. '"'
end

-- Escapes each bare slash, stepping over pairs that a backslash begins.
local slash_escape = Cs((P"\\" * 1 + P"/" / "\\/" + 1)^0)

local function format(value)
  if value.rfc3339 then return quote(value.rfc3339) end
  if value.type == "string" then return quote(value.text) end
  if value.type == "regex" then return "/" .. slash_escape:match(value.text) .. "/" end
  if value.type == "bool" then return value.bool and "TRUE" or "FALSE" end
  if value.type == "nil" then return "NIL" end
  return value.text
end

return {
  string = string,
  number = number,
  regex = regex,
  rfc3339 = rfc3339,
  fits_int64 = fits_int64,
  format = format,
}
