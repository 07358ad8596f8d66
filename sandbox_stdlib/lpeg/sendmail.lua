--[[
Lines of sendmail: "u21I54sC012345: from=<a@b>, size=1024, class=0, nrcpts=1".

- `grammar`: an LPEG pattern that captures a table: sendmailid, and the pairs of the line under their own names, as text

Source: sendmail's Installation and Operation Guide, 2.1.1; the names are Hindsight's.
--]]

local lpeg = require "lpeg"

local C, Cf, Cg, Ct, P, R = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R

local alnum, alpha = R("az", "AZ", "09"), R("az", "AZ")

local function set(fields, key, value)
  fields[key] = value
  return fields
end

-- a comma within a value is no separator unless a key follows it
local separator = P", " * #(alpha^1 * "=")
local value = C((1 - separator - lpeg.S"\r\n")^0)
local pair = Cg(C(alpha^1) * "=" * value)
local id = Cg(C(alnum^8 * alnum^0), "sendmailid")

return {grammar = Cf(Ct(id * ": ") * pair * (separator * pair)^0, set) * lpeg.S" \r\n"^0 * -1}
