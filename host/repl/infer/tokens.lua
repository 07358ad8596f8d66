-- Splits lines into tokens that the library's grammars recognise, for :infer. Returns a function: list of lines -> for each line a list of
-- {kind, text, name, unit}. The kind is `text` for literal text, else the kind of a value. A time is `time:` with the kernel's name for its
-- format, or `strftime:` with its format. The name is the key of a key=value pair; the unit is the one after a number.
local cjson = require "cjson"
local date_time = require "date_time"
local ip_address = require "ip_address"
local lpeg = require "lpeg"

local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local digit = R"09"
local letter = R("az", "AZ")
local boundary = -(letter + digit + "_")

local function value(kind, pattern) return Ct(Cg(Cc(kind), "kind") * Cg(C(pattern / 0), "text")) end
local function text(pattern) return value("text", pattern) end

local function digits(count)
  local pattern = P(true)
  for _ = 1, count do pattern = pattern * digit end
  return pattern
end

-- ------------------------------------------------------------------ times --

local fraction = S".," * digit^1
local offset = S"Zz" + S"+-" * digits(2) * P":"^-1 * digits(2)
local rfc3339 = date_time.rfc3339_full_date * S"Tt " * date_time.rfc3339_partial_time * offset^-1
local zone = P(false)
for name in ("CET CEST EET EEST WET WEST EST EDT CST CDT MST MDT PST PDT MSK JST"):gmatch "%S+" do
  zone = zone + (P(" " .. name) * boundary)
end

-- strftime formats; a fraction may follow the seconds
local FORMATS = {
  "%Y/%m/%d %H:%M:%S", "%d/%b/%Y:%H:%M:%S", "%d/%b/%Y %H:%M:%S", "%d %b %Y %H:%M:%S", "%e %b %Y %H:%M:%S", "%d-%b-%Y %H:%M:%S",
  "%d.%m.%Y %H:%M:%S", "%Y.%m.%d %H:%M:%S", "%a %b %e %H:%M:%S", "%a %b %d %H:%M:%S", "%b %d %Y %H:%M:%S", "%b %e %Y %H:%M:%S",
  "%b %d, %Y %I:%M:%S %p", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d-%m-%Y %H:%M:%S",
  "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%S", "%Y%m%d-%H:%M:%S", "%Y-%m-%d-%H:%M:%S", "%Y-%m-%d_%H:%M:%S", "%m-%d %H:%M:%S", "%y%m%d %H:%M:%S",
}

local function strftime(format)
  local pattern = date_time.build_strftime_grammar(format)
  return value("strftime:" .. format, pattern) * boundary
end

-- a format, also with a fraction after the seconds and a zone at the end
local function variants(format)
  local years = { "" }
  if not format:find("%Y", 1, true) and format:find("^%%a") then years = { " %Y" } end
  local pattern = P(false)
  for _, year in ipairs(years) do
    for _, behind in ipairs { "%S.%f", "%S,%f", "%S" } do
      local whole = format:gsub("%%S", (behind:gsub("%%", "%%%%"))) .. year
      for _, zoned in ipairs { " %z", "" } do
        pattern = pattern + strftime(whole .. zoned)
      end
    end
  end
  return pattern
end

local time = value("time:clf", date_time.clf_timestamp)
  + value("time:rfc3339", rfc3339) * -zone * boundary
  + value("time:pgsql", rfc3339 * zone)
  + value("time:rfc3164", date_time.rfc3164_timestamp) * -(" " * digits(4) * boundary) * boundary
  + value("time:epoch_us", "1" * S"456789" * digits(14)) * boundary
  + value("time:epoch_ms", "1" * S"456789" * digits(11)) * boundary * -P"."
  + value("time:epoch_s", "1" * S"456789" * digits(8) * (P"." * digit^1)^-1) * boundary
for _, format in ipairs(FORMATS) do
  time = time + variants(format)
end
local may_begin_a_time = #(digit + R"AZ" * R"az" * R"az" * " " * S" 0123JFMASOND")
time = may_begin_a_time * time
local clock = value("clock", digits(2) * ":" * digits(2) * ":" * digits(2) * fraction^-1) * boundary

-- ----------------------------------------------------------------- values --

local is_json = lpeg.Cmt(C(P{"{" * (lpeg.V(1) + '"' * (P"\\" * 1 + (1 - S'"\\'))^0 * '"' + (1 - S'{}"'))^0 * "}"}), function(_, at, found)
  return found:find('^{%s*["}]') ~= nil and pcall(cjson.decode, found) and at
end)

local ends = #(S" \t\",;:()[]{}|<>=%/'>" + -1 + "->" + P"." * -digit)
local function hex(count)
  local one, pattern = R("09", "af", "AF"), P(true)
  for _ = 1, count do pattern = pattern * one end
  return pattern
end
local uuid = hex(8) * "-" * hex(4) * "-" * hex(4) * "-" * hex(4) * "-" * hex(12)

local UNITS = {
  "ms", "us", "\194\181s", "ns", "min", "s", "KiB", "MiB", "GiB", "kB", "KB", "MB", "GB", "TB", "kb", "mb", "B", "K", "M", "G", "%",
  "bytes",
}
local unit = P(false)
for _, each in ipairs(UNITS) do unit = unit + each end
unit = unit * #(S" \t\",;:()[]{}|<>=/'" + -1 + "->" + P"." * -(digit + letter))

local double, integer = S"+-"^-1 * digit^1 * "." * digit^1, P"-"^-1 * digit^1
local function measured(kind, pattern)
  return Ct(Cg(Cc(kind), "kind") * Cg(C(pattern), "text") * (Cg(C(unit), "unit") + ends))
end

local plain = value("uuid", uuid) * boundary
  + value("ipv4", ip_address.v4) * -(S"." * digit) * boundary + value("ipv6", ip_address.v6) * boundary * -P":"
  + measured("double", double) + measured("integer", integer)
local word = value("word", (1 - S" \t\",;()[]{}|<>=")^1)
local quoted = text(P'"') * value("quoted", (P"\\" * 1 + (1 - S'"\\'))^0) * text(P'"')
local json = value("json", is_json / 0)

local key = letter * (letter + digit + S"_.-")^0
local pair = Ct(Cg(C(key) * "=", "key") * Cg(Ct(quoted + time + plain + word), "found"))

local before_word = lpeg.B(letter + digit + S"_.-")
local one = pair + quoted + json + (-before_word * (time + clock + plain)) + text(P":") + word + text(S" \t"^1) + text(P(1))
local line = Ct(one^0)

-- ------------------------------------------------------------------ lines --

local function name_value(found, name)
  for i = #found, 1, -1 do
    if found[i].kind ~= "text" then
      found[i].name = name
      return
    end
  end
end

local function add(tokens, token)
  tokens[#tokens + 1] = token
  if token.unit then tokens[#tokens + 1] = { kind = "unit", text = token.unit } end
end

-- splits a colon off the end of a word of more than one letter
local function add_word(tokens, token)
  local bare, colon = token.text:match "^(.*[%w_~%-])(:)$"
  if not bare or bare:find "^%a?$" then return add(tokens, token) end
  add(tokens, { kind = "word", text = bare })
  add(tokens, { kind = "text", text = colon })
end

local function tokenize(subject)
  local tokens = {}
  for _, token in ipairs(line:match(subject)) do
    if token.key then
      tokens[#tokens + 1] = { kind = "text", text = token.key .. "=" }
      name_value(token.found, token.key)
      for _, inner in ipairs(token.found) do add(tokens, inner) end
    elseif token.kind == "word" then
      add_word(tokens, token)
    else
      add(tokens, token)
    end
  end
  return tokens
end

return function(lines)
  local results = {}
  for i, each in ipairs(lines) do results[i] = tokenize(each) end
  return results
end
