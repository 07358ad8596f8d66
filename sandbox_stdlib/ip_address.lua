--[[
LPEG grammars for IP addresses and host names.

- `v4`, `v6`, `hostname`, `host`: match the text and capture nothing. `v6` accepts every
  form of RFC 4291 with an optional zone (fe80::1%eth0).
- `v4_field`, `v6_field`, `host_field`: capture {value=, representation="ipv4" |
  "ipv6" | "hostname"}, as the value of a message field.
- `v4_octets`: captures the four numbers of an IPv4 address
--]]

local lpeg = require "lpeg"

local tonumber = tonumber
local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

-- ------------------------------------------------------------------- IPv4 --

local digit = R"09"
local octet = P"25" * R"05" + P"2" * R"04" * digit + P"1" * digit * digit + R"19" * digit + digit
local v4 = octet * ("." * octet) * ("." * octet) * ("." * octet)

M.v4 = v4

local number = C(octet) / tonumber
M.v4_octets = number * "." * number * "." * number * "." * number

-- ------------------------------------------------------------------- IPv6 --

local function repeated(pattern, count)
  local all = P(true)
  for _ = 1, count do all = all * pattern end
  return all
end

local hex = R("09", "af", "AF")
local group = hex * hex^-3
local group_colon = group * ":"
-- The last 32 bits: two groups, or an IPv4 address.
local tail = v4 + group * ":" * group

-- :: replaces the omitted groups. At most `before` groups are before it, and exactly
-- `after` groups after it (the last two can be written as IPv4).
local function shortened(before, after)
  -- (pattern^-0 would be any number of times)
  local more = before > 1 and (":" * group)^-(before - 1) or P(true)
  local head = (group * more)^-1
  local rest
  if after == 0 then
    rest = P(true)
  elseif after == 1 then
    rest = group
  else
    rest = repeated(group_colon, after - 2) * tail
  end
  return head * "::" * rest * -(hex + ":")
end

local v6 = repeated(group_colon, 6) * tail * -(hex + ":")
for after = 6, 0, -1 do v6 = v6 + shortened(7 - after, after) end

local zone = P"%" * (1 - S" \t\n\"'/]")^1

M.v6 = v6 * zone^-1

-- ------------------------------------------------------------------ names --

local alnum = R("az", "AZ", "09")
local label = alnum * (S"-_"^0 * alnum^1)^0
local label_end = -(alnum + S"-_")

M.hostname = label * ("." * label)^0 * P"."^-1 * label_end
M.host = M.v6 + v4 * -(alnum + S"-_.") + M.hostname

-- ----------------------------------------------------------------- fields --

local function field(grammar, representation)
  return Ct(Cg(C(grammar), "value") * Cg(Cc(representation), "representation"))
end

M.v4_field = field(v4, "ipv4")
M.v6_field = field(M.v6, "ipv6")
M.host_field = field(M.v6, "ipv6") + field(v4 * -(alnum + S"-_."), "ipv4") + field(M.hostname, "hostname")

return M
