-- JSON records, by their forms (forms.lua).
-- A string is kept as it was written, escapes and all.
local ffi = require "ffi"
local lpeg = require "lpeg"
local L = require "layout"
local W = require "writer"
local forms = require "specialise"
local json_text = require "json_text"
local shapes = require "shapes"
local timestamps = require "timestamps"

local P, R, S, Cp = lpeg.P, lpeg.R, lpeg.S, lpeg.Cp

local M = {}

-- ---------------------------------------------------------------- grammar

local hex = R("09", "af", "AF")
local escape = P "\\" * (S '"\\/bfnrt' + P "u" * hex * hex * hex * hex)
local body = ((1 - S '"\\\127' - R "\0\31") ^ 1 + P "\127" + escape) ^ 0
local integer = P "-" ^ -1 * (P "0" + R "19" * R "09" ^ 0)
local fraction, exponent = P "." * R "09" ^ 1, S "eE" * S "+-" ^ -1 * R "09" ^ 1
local number = integer * fraction ^ -1 * exponent ^ -1
-- Whole numbers stand between others, as most programs write 1.0 as 1. But those that a double cannot hold are integers.
local double = P "-" ^ -1 * (P "0" + R "19" * R "09" ^ -14) * fraction ^ -1 * exponent ^ -1 +
  integer * (fraction * exponent ^ -1 + exponent)
local space = S " \t\r" ^ 0
local number_end = #(S ",}] \t\r\n" + -P(1))

local nested = P {
  "value",
  value = P '"' * body * '"' + number + "true" + "false" + "null" + lpeg.V "array" + lpeg.V "object",
  array = P "[" * space * (lpeg.V "value" * space * (P "," * space * lpeg.V "value" * space) ^ 0) ^ -1 * "]",
  object = P "{" * space * (lpeg.V "member" * (P "," * space * lpeg.V "member") ^ 0) ^ -1 * "}",
  member = P '"' * body * '"' * space * ":" * space * lpeg.V "value" * space,
}

-- by what a form says of a value: a null or a scalar is never taken for an array, nor an object that is to be flattened
-- for one that is empty
local GRAMMARS = {
  json_string = body, integer = integer * number_end, double = double * number_end, bool = P "true" + P "false",
  array = #P "[" * nested, object = #P "{" * nested, empty = P "{" * space * "}",
}

local to_space = space * Cp()
local key_at = P '"' * Cp() * body * Cp() * '"' * space * ":" * space * Cp()
local string_at = P '"' * Cp() * body * Cp() * '"'
local scalar_end = { { "integer", GRAMMARS.integer * Cp() }, { "double", GRAMMARS.double * Cp() }, { "bool", GRAMMARS.bool * Cp() },
  { "null", P "null" * Cp() }, { "json_value", nested * Cp() } }

local match = lpeg.match

-- ---------------------------------------------------------------- the full parser

-- which of GRAMMARS a value that is kept as JSON was
local function nested_form(kind, text, from, to)
  if kind ~= "json_value" then return kind end
  if text:byte(from) == 91 then return "array" end
  return match(GRAMMARS.empty, text, from) == to and "empty" or "object"
end

-- found: list of {name, kind, form, from, to}: zero-based positions in text. Answers the position behind the object, or nil and
-- the one where it stopped.
local function parse_object(text, at, prefix, depth, options, found)
  at = match(to_space, text, at + 1)
  if text:byte(at) == 125 then return at + 1 end
  while true do
    local from, to, value_at = match(key_at, text, at)
    if not from then return nil, at end
    local name = prefix .. json_text.unescape(text:sub(from, to - 1))
    local c = text:byte(value_at)
    local next_at
    if c == 123 and depth < options.maximum_depth and text:byte(match(to_space, text, value_at + 1)) ~= 125 then
      local stopped
      next_at, stopped = parse_object(text, value_at, name .. options.separator, depth + 1, options, found)
      if not next_at then return nil, stopped end
    elseif c == 34 then
      local s, e = match(string_at, text, value_at)
      if not s then return nil, value_at end
      found[#found + 1] = { name = name, kind = "json_string", form = "json_string", from = s - 1, to = e - 1 }
      next_at = e + 1
    else
      for _, try in ipairs(scalar_end) do
        next_at = match(try[2], text, value_at)
        if next_at then
          if try[1] ~= "null" then
            found[#found + 1] = { name = name, kind = try[1], form = nested_form(try[1], text, value_at, next_at),
              from = value_at - 1, to = next_at - 1 }
          end
          break
        end
      end
      if not next_at then return nil, value_at end
    end
    at = match(to_space, text, next_at)
    c = text:byte(at)
    if c == 125 then return at + 1 end
    if c ~= 44 then return nil, at end
    at = match(to_space, text, at + 1)
  end
end

local function parse(text, options)
  local found = {}
  local at = match(to_space, text)
  if text:byte(at) ~= 123 then return nil, at end
  local stop, failed = parse_object(text, at, "", 1, options, found)
  if not stop then return nil, failed end
  if match(to_space, text, stop) ~= #text + 1 then return nil, stop end
  return found
end

-- ---------------------------------------------------------------- from values to columns

local KINDS = {
  json_string = L.JSON_STRING, integer = L.INTEGER_TEXT, double = L.DOUBLE_TEXT, bool = L.BOOL_TEXT, json_value = L.JSON_VALUE,
}

-- what becomes of a value: a header, the constant Type or Logger, or a field
local function role(options, value)
  return options.header_of[value.name]
end

local function timestamp_kind(options)
  return "timestamp:" .. options.timestamp_format
end

local function header_spec(headers, text, found, options)
  local spec = { type = headers.type, logger = headers.logger, hostname = headers.hostname, payload_is_record = options.payload_keep }
  for _, v in ipairs(found) do
    local r = role(options, v)
    if r == "Type" then spec.type = json_text.unescape(text:sub(v.from + 1, v.to)) end
    if r == "Logger" then spec.logger = json_text.unescape(text:sub(v.from + 1, v.to)) end
  end
  return spec
end

local MAX_MEMBERS = 1024 -- as many fields as a message may have
local MAX_NAME_BYTES = 65535 -- of all names of a record, which a pack always has room for; and of a Type or a Logger

-- what makes a record unfit for a message, or nil
local function excess(found, spec)
  if #found > MAX_MEMBERS then return "more than " .. MAX_MEMBERS .. " members" end
  local bytes = 0
  for _, v in ipairs(found) do
    bytes = bytes + #v.name
  end
  if bytes > MAX_NAME_BYTES then return "names of more than " .. MAX_NAME_BYTES .. " bytes" end
  if #spec.type > MAX_NAME_BYTES or #spec.logger > MAX_NAME_BYTES then
    return "a Type or Logger of more than " .. MAX_NAME_BYTES .. " bytes"
  end
end

-- stores a record that was parsed in full
local function store(text, found, base, shift, now, spec, options)
  local too_much = excess(found, spec)
  if too_much then return false, too_much end
  local columns, timestamp, has_hostname = {}, now, false
  local slots = ffi.new("hk_slot[?]", #found + 1)
  for _, v in ipairs(found) do
    local r = role(options, v)
    if r == "Timestamp" then
      if not timestamps.parser(options.timestamp_format)(base, shift + v.from, shift + v.to) then return false, "invalid timestamp" end
      timestamp = timestamps.value[0] + 0LL
    elseif r ~= "Type" and r ~= "Logger" then
      slots[#columns].from, slots[#columns].to = shift + v.from, shift + v.to
      has_hostname = has_hostname or r == "Hostname"
      columns[#columns + 1] = { name = r or v.name, kind = KINDS[v.kind], flags = r and L.HEADER or 0 }
    end
  end
  if spec.hostname and not has_hostname then
    columns[#columns + 1] = { name = "Hostname", kind = L.CONST, flags = L.HEADER, value = spec.hostname }
  end
  local shape = shapes.intern { type = spec.type, logger = spec.logger, payload_is_record = spec.payload_is_record, columns = columns }
  local record = ffi.cast(L.record_ptr, W.base + W.cursor)
  ffi.cast(L.u32_ptr, record)[0] = W.shape_number(shape) * 65536 + shape.words
  record.flags, record.timestamp, record.raw_start, record.raw_end = 0, timestamp, shift, shift + #text
  ffi.copy(record + 1, slots, shape.slots * L.SLOT_BYTES)
  W.cursor, W.count = W.cursor + shape.bytes, W.count + 1
  return true
end

-- ---------------------------------------------------------------- the decoder

local HEADERS = { "Timestamp", "Type", "Logger", "Payload", "Uuid", "Hostname", "Severity", "EnvVersion", "Pid" }

local function settle(options)
  local settled = {
    separator = options.separator or ".", maximum_depth = options.maximum_depth or 16,
    payload_keep = options.payload_keep or false, timestamp_format = options.timestamp_format or "rfc3339",
    header_of = {},
  }
  if not timestamps.parser(settled.timestamp_format) then
    error("declare_json: timestamp_format: '" .. settled.timestamp_format .. "' is not known", 0)
  end
  for _, header in ipairs(HEADERS) do
    local member = options[header]
    if member and member ~= "" then settled.header_of[member] = header end
  end
  return settled
end

-- name: for error texts; options: of declare_json; headers: {type, logger, hostname}
function M.new(name, options, headers, delimiter)
  options = settle(options)

  local function is_constant(value)
    local r = role(options, value)
    return r == "Type" or r == "Logger"
  end

  local function item_of(value)
    local r = role(options, value)
    local kind = r == "Timestamp" and timestamp_kind(options) or value.kind
    return { name = r or value.name, is_field = not r, grammar = GRAMMARS[value.form], type = kind }
  end

  local known = forms.new(is_constant, item_of, delimiter)

  local function take(text, base, from, now)
    if known.single(text, base, from, now) then return true end
    local found, at = parse(text, options)
    if not found then return false, string.format("%s: not a JSON object: stopped at byte %d", name, at - 1) end
    local spec = header_spec(headers, text, found, options)
    local ok, why = store(text, found, base, from, now, spec, options)
    if not ok then return false, name .. ": " .. why end
    known.learn(text, found, spec)
    return true
  end

  local function single(base, from, to, now)
    local ok, taken, why = pcall(take, ffi.string(base + from, to - from), base, from, now)
    if ok then return taken, why end
    -- Patterns keep a stack of their own. They run before anything is written.
    if not tostring(taken):find("backtrack stack overflow", 1, true) then error(taken, 0) end
    return false, name .. ": nested too deeply"
  end

  return { single = single, many = known.many }
end

return M
