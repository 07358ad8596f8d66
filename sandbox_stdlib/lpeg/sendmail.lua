--[[
Grammar for sendmail's lines: "u21I54sC012345: from=<a@b>, size=1024, class=0, nrcpts=1".

- `grammar`: an LPEG pattern that captures a table: sendmailid, and the pairs of the line under their own names, as text
- `items()`: the alternatives of a declared grammar with the same fields, for sendmail's lines about a sender or a
  recipient, with the pairs in sendmail's order

Source: sendmail's Installation and Operation Guide, 2.1.1; the names are Hindsight's.
--]]

local lpeg = require "lpeg"
local positional = require "positional"

local ipairs = ipairs
local C, Cf, Cg, Ct, P, R = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R

local alnum, alpha = R("az", "AZ", "09"), R("az", "AZ")

local function set(fields, key, value)
  fields[key] = value
  return fields
end

-- A comma within a value is a separator only if a key follows it.
local separator = P", " * #(alpha^1 * "=")
local value = C((1 - separator - lpeg.S"\r\n")^0)
local pair = Cg(C(alpha^1) * "=" * value)
local id = Cg(C(alnum^8 * alnum^0), "sendmailid")

-- The pairs of each line in the order of sendmail's sources. The first pair is always present.
local LINES = {
  "from size class nrcpts msgid bodytype proto daemon tls_verify auth relay",
  "to ctladdr delay xdelay mailer pri relay dsn quarantine reply stat",
}

local function items()
  local alternatives = {}
  for i, line in ipairs(LINES) do
    local list = {positional.field("sendmailid", alnum^8 * alnum^0), ": "}
    for key in line:gmatch "%S+" do
      local one = positional.field(key, (1 - separator - lpeg.S"\r\n")^0)
      if #list == 2 then
        list[3], list[4] = key .. "=", one
      else
        list[#list + 1] = {optional = {", " .. key .. "=", one}}
      end
    end
    list[#list + 1] = lpeg.S" \r"^0
    alternatives[i] = list
  end
  return alternatives
end

return {items = items, grammar = Cf(Ct(id * ": ") * pair * (separator * pair)^0, set) * lpeg.S" \r\n"^0 * -1}
