-- Instants as text.
local M = {}

local civil_day, civil_text = nil, nil

-- a date from days since 1970 (Howard Hinnant's civil_from_days)
local function day_text(day)
  if day == civil_day then return civil_text end
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local m = mp < 10 and mp + 3 or mp - 9
  civil_day = day
  civil_text = string.format("%04d-%02d-%02d", yoe + era * 400 + (m <= 2 and 1 or 0), m, doy - math.floor((153 * mp + 2) / 5) + 1)
  return civil_text
end

local NS = 1000000000LL

-- ns since 1970 -> RFC 3339 in UTC, with as many groups of three fraction digits as it needs
function M.rfc3339(ns)
  local s = ns / NS
  local rest = tonumber(ns - s * NS)
  if rest < 0 then
    s, rest = s - 1, rest + 1e9
  end
  local seconds = tonumber(s)
  local day = math.floor(seconds / 86400)
  local t = seconds - day * 86400
  local fraction = ""
  if rest ~= 0 then
    fraction = string.format(".%09d", rest):gsub("000$", ""):gsub("000$", "")
  end
  return string.format("%sT%02d:%02d:%02d%sZ", day_text(day), math.floor(t / 3600), math.floor(t / 60) % 60, t % 60, fraction)
end

return M
