-- Turns the tokens of a log format into the alternatives of a declared grammar. Used through the module common_log_format.
--
-- A line of an access log is nearly always plain. So the first alternative uses,
-- for each field, the simplest pattern that is correct for plain lines: a span up
-- to the byte that ends the field. Other lines go to the next alternatives:
--
--   1. plain, with the request line in three parts
--   2. plain, with the request line as a whole (if it is not a valid request)
--   3. and 4. the same, with values that contain the text that ends them, numbers
--      that are "-", and lists of upstream servers
--
-- No pattern matches a line break, so a field never runs into the next line.

local lpeg = require "lpeg"

local error, ipairs, type = error, ipairs, type
local B, P, R, S = lpeg.B, lpeg.P, lpeg.R, lpeg.S

local M = {}

local digits = R"09"^1
local NUMBERS = {
  integer = digits,
  double = digits * (P"." * digits)^-1,
}
local MAX_UPSTREAMS = 4         -- further ones stay together in one field

-- ------------------------------------------------------- where fields end --

-- Returns the bytes that can follow token i, as text; nil if nothing marks its end.
local function follow(tokens, i)
  local bytes, nullable = "", false
  for k = i + 1, #tokens do
    local token = tokens[k]
    if type(token) == "string" then return bytes .. token:sub(1, 1) end
    if token.starts then
      bytes, nullable = bytes .. token.starts, token.nullable
      if not nullable then return bytes end
    elseif not nullable then
      return nil
    end
  end
  return bytes
end

local function end_of(tokens, i)
  local bytes = follow(tokens, i)
  if bytes then return bytes end
  error(("log_format: there is no text between %s and %s, so they cannot be separated")
    :format(tokens[i].name, tokens[i + 1].name), 0)
end

-- Matches a span of bytes up to one of `ends` or the end of the line.
local function span(ends) return 1 - S(ends .. "\n") end

-- Matches any text up to the complete following literal, even if its first byte occurs earlier.
local function until_literal(tokens, i, escapes)
  local literal = tokens[i + 1]
  if type(literal) ~= "string" then return span(end_of(tokens, i))^0 end
  if escapes and literal:sub(1, 1) == '"' then
    return (P"\\" * (1 - P"\n") + (1 - S'"\\\n'))^0
  end
  local stop = P(literal)
  if i + 1 == #tokens then stop = stop * (P"\n" + -1) end    -- the line may end earlier
  return (1 - stop - "\n")^0
end

-- ----------------------------------------------------------------- fields --

-- A list of addresses, one for each proxy in the chain.
local function forwarded(tokens, i) return (P", " + span(end_of(tokens, i)))^0 end

local function field(token, grammar, kind)
  return {name = token.name, grammar = grammar, type = kind, representation = token.representation}
end

-- A number, or "-" for a number that is absent.
local absent = P"-" - B(R"09") + B(R"09")

local function may_be_absent(list, item)
  list[#list + 1] = {optional = {item}}
  list[#list + 1] = absent
end

local function number_items(list, token, tolerant)
  local item = field(token, NUMBERS[token.kind], token.kind)
  if tolerant or token.often_absent then return may_be_absent(list, item) end
  list[#list + 1] = item
end

-- Several upstream servers: "a, b : c". Each is a field of the same name.
local separator = P", " + " : "

local function upstream_items(list, token, ends)
  local grammar = NUMBERS[token.kind] or (span(ends .. ",") - P" : ")^1
  local one = field(token, grammar, token.kind)
  if token.kind == "string" then list[#list + 1] = one else may_be_absent(list, one) end
  local dash = NUMBERS[token.kind] and P"-"^-1 or P(true)
  for _ = 2, MAX_UPSTREAMS do
    list[#list + 1] = {optional = {separator, {optional = {one}}, dash}}
  end
  local rest = {name = token.name .. "_rest", grammar = span(ends)^1, type = "string"}
  list[#list + 1] = {optional = {separator, rest}}
end

local function request_parts(list, ends, how)
  local byte = span(ends .. " ")
  if how.escapes then
    byte = span(ends .. " \\")
    if how.tolerant then byte = P"\\" * (1 - P"\n") + byte end
  end
  list[#list + 1] = {name = "request_method", grammar = byte^1, type = "string"}
  list[#list + 1] = " "
  list[#list + 1] = {name = "request_uri", grammar = byte^1, type = "string"}
  list[#list + 1] = " "
  list[#list + 1] = {name = "server_protocol", grammar = P"HTTP/" * byte^0, type = "string"}
end

-- ------------------------------------------------------------------ times --

local TIME_TYPES = {
  clf = "timestamp:clf", rfc3339 = "timestamp:rfc3339",
  epoch_s = "timestamp:epoch_s", epoch_ms = "timestamp:epoch_ms", epoch_us = "timestamp:epoch_us",
}
local PRECISION = {epoch_us = 5, epoch_ms = 4, epoch_s = 3, rfc3339 = 2, clf = 1}

-- The most precise of several times becomes the Timestamp.
local function best_time(tokens)
  local best
  for _, token in ipairs(tokens) do
    local rank = type(token) == "table" and PRECISION[token.time]
    if rank and (not best or rank > PRECISION[best.time]) then best = token end
  end
  return best
end

-- ------------------------------------------------------------------ lines --

local function string_grammar(tokens, i, how)
  local token = tokens[i]
  if token.fixed then return token.fixed end
  if token.name == "http_x_forwarded_for" then return forwarded(tokens, i) end
  if how.tolerant then return until_literal(tokens, i, how.escapes) end
  local ends = end_of(tokens, i)
  if how.escapes and ends:find('"', 1, true) then ends = ends .. "\\" end
  return span(ends)^0
end

-- identd is practically extinct: the plain forms accept only "-", which omits the
-- field.
local function logname_items(list, tokens, i, how)
  if not how.tolerant then
    list[#list + 1] = "-"
    return
  end
  local no_identity = P"-" * (type(tokens[i + 1]) == "string" and P(tokens[i + 1]) or -1)
  list[#list + 1] = {optional = {field(tokens[i], string_grammar(tokens, i, how) - no_identity, "string")}}
  list[#list + 1] = P"-"^-1
end

local function add_variable(list, tokens, i, how)
  local token = tokens[i]
  if token == how.timestamp then
    list[#list + 1] = {name = "Timestamp", grammar = span(end_of(tokens, i))^1, type = TIME_TYPES[token.time]}
  elseif token.kind == "request" and how.split then
    request_parts(list, end_of(tokens, i), how)
  elseif token.list and how.tolerant then
    upstream_items(list, token, end_of(tokens, i))
  elseif NUMBERS[token.kind] then
    number_items(list, token, how.tolerant)
  elseif token.name == "remote_logname" then
    logname_items(list, tokens, i, how)
  else
    list[#list + 1] = field(token, string_grammar(tokens, i, how), how.json and token.kind ~= "time" and "json_string" or "string")
  end
end

local function line_items(tokens, how)
  local list = {}
  for i, token in ipairs(tokens) do
    if type(token) == "string" then
      list[#list + 1] = token
    else
      add_variable(list, tokens, i, how)
    end
  end
  return list
end

local function has_request(tokens)
  for _, token in ipairs(tokens) do
    if type(token) == "table" and token.kind == "request" then return true end
  end
  return false
end

-- tokens: from log_format_tokens; escapes: true if \" is a quote within a value; json: true if values are JSON-escaped.
function M.alternatives(tokens, escapes, json)
  local timestamp = best_time(tokens)
  local splits = has_request(tokens) and {true, false} or {false}
  local alternatives = {}
  for tolerant = 0, 1 do
    for _, split in ipairs(splits) do
      alternatives[#alternatives + 1] = line_items(tokens, {
        timestamp = timestamp, escapes = escapes, json = json, split = split, tolerant = tolerant == 1,
      })
    end
  end
  return alternatives
end

return M
