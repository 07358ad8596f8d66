-- Takes lines apart into what the grammars of the library recognise, for :infer. Called with a list of lines; answers for each a list
-- of {kind, text, name}: kind is text for what is as it is, else that of a value; name is the key of a value of key=value.
local cjson = require "cjson"
local date_time = require "date_time"
local ip_address = require "ip_address"
local lpeg = require "lpeg"

local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local lines = ...

local digit = R"09"
local boundary = -(R("az", "AZ", "09") + "_")
local clock = date_time.rfc3339_partial_time

local function value(kind, pattern) return Ct(Cg(Cc(kind), "kind") * Cg(C(pattern / 0), "text")) end
local function text(pattern) return value("text", pattern) end

local is_json = lpeg.Cmt(C(P{"{" * (lpeg.V(1) + '"' * (P"\\" * 1 + (1 - S'"\\'))^0 * '"' + (1 - S'{}"'))^0 * "}"}), function(_, at, found)
  return pcall(cjson.decode, found) and at
end)

local offset = S"Zz" + S"+-" * digit * digit * ":" * digit * digit
local time = value("time:clf", date_time.clf_timestamp)
  + value("time:rfc3339", date_time.rfc3339_full_date * S"Tt " * clock * offset^-1) * boundary
  + value("time:slash", digit^4 * "/" * digit * digit * "/" * digit * digit * " " * clock) * boundary
  + value("time:rfc3164", date_time.rfc3164_timestamp) * boundary
  + value("time:epoch_ms", "1" * digit * digit * digit * digit * digit * digit * digit * digit * digit * digit * digit * digit) * boundary
  + value("time:epoch_s", "1" * S"456789" * digit * digit * digit * digit * digit * digit * digit * digit) * boundary * -P"."

local hex = R("09", "af", "AF")
local hex4 = hex * hex * hex * hex
local number = value("double", S"+-"^-1 * digit^1 * "." * digit^1) + value("integer", P"-"^-1 * digit^1)
local plain = value("uuid", hex4 * hex4 * "-" * hex4 * "-" * hex4 * "-" * hex4 * "-" * hex4 * hex4 * hex4) * boundary
  + value("ipv4", ip_address.v4) * -(S"." * digit) * boundary + value("ipv6", ip_address.v6) * boundary
  + number * #(S" \t\",;:()[]{}|<>=%" + -1)
local word = value("word", (1 - S" \t\",;()[]{}|<>=")^1)
local quoted = text(P'"') * value("quoted", (P"\\" * 1 + (1 - S'"\\'))^0) * text(P'"')
local json = value("json", is_json / 0)

local key = R("az", "AZ") * (R("az", "AZ", "09") + S"_.-")^0
local function keyed(found, name)
  found[#found].name = found[#found].kind ~= "text" and name or nil
  if found[#found - 1] then found[#found - 1].name = found[#found - 1].kind ~= "text" and name or nil end
  return found
end
local pair = Ct(Cg(C(key) * "=", "key") * Cg(Ct(quoted + time + plain + word), "found")) / function(both)
  return {kind = "pair", key = both.key, found = keyed(both.found, both.key)}
end

local line = Ct((pair + quoted + json + time + plain + word + text(S" \t"^1) + text(P(1)))^0)

local answers = {}
for i, each in ipairs(lines) do
  local tokens = {}
  for _, token in ipairs(line:match(each)) do
    if token.kind == "pair" then
      tokens[#tokens + 1] = {kind = "text", text = token.key .. "="}
      for _, inner in ipairs(token.found) do tokens[#tokens + 1] = inner end
    elseif token.kind == "word" and #token.text > 1 and token.text:find "[%w]:$" then
      tokens[#tokens + 1] = {kind = "word", text = token.text:sub(1, -2)}
      tokens[#tokens + 1] = {kind = "text", text = ":"}
    else
      tokens[#tokens + 1] = token
    end
  end
  answers[i] = tokens
end
return answers
