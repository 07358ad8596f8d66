--[==[
Grammars from templates of lines, for messages that are sentences with values in them.

    local grammar = line_template.grammar{"Accepted {method} for {user} from {remote_addr} port {remote_port:n}"}

- `grammar(templates)` -> an LPEG pattern that captures a table, with the first template that matches the whole line.
  A template is text, or {text, field = value, ...} with fields that are always set.

{name} is text up to what follows it in the template (not empty), {name:n} a whole number, {name:f} a number with
decimals, {name:w} a word without spaces, {name:r} the rest of the line (may be empty), {name:q} text that may be empty,
{name:l} text up to the last occurrence of what follows it, which ends the line, {name:a} an address as {value=, representation=
"ipv4" or "ipv6"}, or a word where there is none. [[ and ]] stand around what may be absent. Spaces at the end of the line do
not matter.
--]==]

local ip_address = require "ip_address"
local lpeg = require "lpeg"

local error, ipairs, pairs, tonumber, type = error, ipairs, pairs, tonumber, type
local C, Cc, Cg, Ct, P, R, S = lpeg.C, lpeg.Cc, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local field = Ct("{" * Cg(C((R("az", "AZ", "09") + "_")^1), "name") * (":" * Cg(C(S"nfwrqla"), "kind"))^-1 * "}")
local closing = P"]]" * -P"]"       -- of "]]]" the first is text
local text = C((1 - (S"{" + "[[" + closing))^1)
local template_grammar = P{
  "all", all = lpeg.V"parts" * -1,
  parts = Ct((field + text + Ct(Cg("[[" * lpeg.V"parts" * closing, "optional")))^0),
}

local digits = R"09"^1
local PATTERNS = {
  n = C(P"-"^-1 * digits) / tonumber, f = C(P"-"^-1 * digits * (P"." * digits)^-1) / tonumber,
  w = C((1 - S" \t\r\n")^1), r = C((1 - S"\r\n")^0),
  a = (ip_address.v4_field + ip_address.v6_field) * #(S" :#)],\r\n" + -1) + C((1 - S" :#)],\r\n")^1),
}

-- The text that the next part begins with; nil at the end of the template.
local function following(parts, i)
  local next_part = parts[i + 1]
  if next_part == nil then return nil end
  if type(next_part) == "string" then return P(next_part) end
  if next_part.optional then
    local inside, after = following(next_part.optional, 0), following(parts, i + 1)
    return inside + (after or S" \r\n"^0 * -1)
  end
  return S" "
end

local sequence

local function part_pattern(parts, i, outer)
  local part = parts[i]
  if type(part) == "string" then return P(part) end
  if part.optional then return sequence(part.optional, following(parts, i) or outer)^-1 end
  local pattern = PATTERNS[part.kind]
  if not pattern then
    local stop = following(parts, i) or outer or S" \r\n"^0 * -1
    local byte = 1 - (part.kind == "l" and stop * S" \r\n"^0 * -1 or stop)
    pattern = C(part.kind == "q" and byte^0 or byte^1)
  end
  return Cg(pattern, part.name)
end

function sequence(parts, outer)
  local pattern = P(true)
  for i = 1, #parts do pattern = pattern * part_pattern(parts, i, outer) end
  return pattern
end

local function line_grammar(template)
  local source = type(template) == "table" and template[1] or template
  local parts = template_grammar:match(source)
  if not parts then error("not a template of a line: " .. source, 0) end
  local pattern = sequence(parts)
  if type(template) == "table" then
    for name, value in pairs(template) do
      if name ~= 1 then pattern = pattern * Cg(Cc(value), name) end
    end
  end
  return Ct(pattern) * S" \r\n"^0 * -1
end

function M.grammar(templates)
  local any = P(false)
  for _, template in ipairs(templates) do any = any + line_grammar(template) end
  return any
end

return M
