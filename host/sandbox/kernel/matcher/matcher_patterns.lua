-- Lua patterns as regular expressions, for matchers written for Hindsight: Payload =~ "^%d+ " is what Heka's /^[0-9]+ / is.
-- A test only asks whether a pattern is found, so captures are groups, and greedy or lazy makes no difference.
--
--   to_regex(pattern) -> source | nil, {message=, offset=}       offset counts from 0 in the pattern
--   plain(text) -> source of a regular expression that finds just this text
local M = {}

local CLASSES = { a = "%a", c = "%c", d = "%d", l = "%l", p = "%p", s = "%s", u = "%u", w = "%w", x = "%x", z = "%z" }
local QUANTIFIERS = { ["*"] = "*", ["+"] = "+", ["-"] = "*?", ["?"] = "?" }
local SPECIAL = "[%^%$%*%+%?%.%(%)%[%%%-]"

local function byte_text(byte)
  local c = string.char(byte)
  return c:find "^[%w_ ]" and c or ("\\x%02x"):format(byte)
end

-- holds: byte -> whether it is in the class
local function class_text(holds)
  local parts, byte = {}, 0
  while byte <= 255 do
    local last = byte
    while last < 255 and holds(byte) and holds(last + 1) do last = last + 1 end
    if holds(byte) then
      parts[#parts + 1] = ("\\x%02x-\\x%02x"):format(byte, last)
    end
    byte = last + 1
  end
  return parts[1] and "[" .. table.concat(parts) .. "]" or "[^\\x00-\\xff]"
end

-- the class of one item of a pattern: %d, or a set from its bracket to its end
local function class_of(item)
  return class_text(function(byte) return string.char(byte):find("^" .. item) ~= nil end)
end

local function set_end(pattern, at)
  local i = at + 1
  if pattern:sub(i, i) == "^" then i = i + 1 end
  if pattern:sub(i, i) == "]" then i = i + 1 end
  while i <= #pattern do
    local c = pattern:sub(i, i)
    if c == "]" then return i end
    i = i + (c == "%" and 2 or 1)
  end
end

local function fault(message, at)
  return nil, { message = message, offset = at - 1 }
end

-- one character of a pattern at `at`: source and where it ends; nil and why
local function single(pattern, at)
  local c = pattern:sub(at, at)
  if c == "." then return "(?s:.)", at end
  if c == "[" then
    local stop = set_end(pattern, at)
    if not stop then return fault("a set without its ]", at) end
    return class_of(pattern:sub(at, stop)), stop
  end
  if c ~= "%" then return byte_text(c:byte()), at end
  local what = pattern:sub(at + 1, at + 1)
  if what == "" then return fault("a % at the end", at) end
  if CLASSES[what:lower()] then return class_of("%" .. what), at + 1 end
  if what:find "%d" or what == "b" or what == "f" then
    return fault("%" .. what .. " cannot be matched in proportion to the text; say it with a /regular expression/", at)
  end
  return byte_text(what:byte()), at + 1
end

function M.to_regex(pattern)
  local out, at, open = {}, 1, 0
  if pattern:sub(1, 1) == "^" then
    out[1], at = "\\A", 2
  end
  while at <= #pattern do
    local c = pattern:sub(at, at)
    if c == "(" or c == ")" then
      open = open + (c == "(" and 1 or -1)
      if open < 0 then return fault("a ) without its (", at) end
      out[#out + 1] = c == "(" and "(?:" or ")"
    elseif c == "$" and at == #pattern then
      out[#out + 1] = "\\z"
    else
      local text, stop = single(pattern, at)
      if not text then return nil, stop end
      local quantifier = QUANTIFIERS[pattern:sub(stop + 1, stop + 1)]
      out[#out + 1] = text .. (quantifier or "")
      at = stop + (quantifier and 1 or 0)
    end
    at = at + 1
  end
  if open > 0 then return fault("a ( without its )", #pattern) end
  return table.concat(out)
end

function M.plain(text)
  return (text:gsub(".", function(c) return byte_text(c:byte()) end))
end

-- What stands between quotes after =~ or !~. A text without magic characters is found as it is.
function M.of_string(text, is_plain)
  if is_plain or not text:find(SPECIAL) then return M.plain(text) end
  return M.to_regex(text)
end

return M
