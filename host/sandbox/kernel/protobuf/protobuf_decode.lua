-- Heka's message in protobuf: from bytes, which may come from anywhere, to a table.
-- Each length is checked against what is there before anything is read. What the schema does not know is skipped.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"

local M = {}

local band, rshift = bit.band, bit.rshift

local STRING, BYTES, INTEGER, DOUBLE, BOOL = 0, 1, 2, 3, 4
local MAX_FIELDS = 1024

local function bad(what)
  error("protobuf: " .. what, 0)
end

-- ---------------------------------------------------------------- the wire

local VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5

-- All of these read at p[at], no further than p[stop - 1], and answer the value and where they end.

local function read_int64(p, at, stop)
  local v, shift = 0ULL, 0
  while true do
    if at >= stop then bad "the bytes end inside of a number" end
    local b = p[at]
    v = v + bit.lshift(ffi.cast("uint64_t", band(b, 127)), shift)
    at, shift = at + 1, shift + 7
    if b < 128 then return ffi.cast("int64_t", v), at end
    if shift >= 70 then bad "a number of more than ten bytes" end
  end
end

local function read_size(p, at, stop)
  if at < stop and p[at] < 128 then return p[at], at + 1 end
  local v
  v, at = read_int64(p, at, stop)
  if v < 0 or v > 0x7fffffff then bad "a length that no message can have" end
  return tonumber(v), at
end

-- answers where the bytes begin and where they end
local function read_span(p, at, stop)
  local n
  n, at = read_size(p, at, stop)
  if n > stop - at then bad "a length that reaches beyond the end" end
  return at, at + n
end

local function read_double(p, at, stop)
  if stop - at < 8 then bad "the bytes end inside of a number" end
  return ffi.cast("double *", p + at)[0], at + 8
end

local function read_key(p, at, stop)
  local key
  key, at = read_size(p, at, stop)
  local number = rshift(key, 3)
  if number == 0 then bad "a field of number 0" end
  return number, band(key, 7), at
end

local function skip(p, at, stop, wire)
  local _
  if wire == VARINT then
    _, at = read_int64(p, at, stop)
  elseif wire == LENGTH then
    _, at = read_span(p, at, stop)
  elseif wire == FIXED64 or wire == FIXED32 then
    at = at + (wire == FIXED64 and 8 or 4)
    if at > stop then bad "the bytes end inside of a number" end
  else
    bad("wire type " .. wire .. " is not known")
  end
  return at
end

local function read_text(p, at, stop, wire, what)
  if wire ~= LENGTH then bad(what .. " is no string") end
  local from
  from, at = read_span(p, at, stop)
  return ffi.string(p + from, at - from), at
end

local function read_number(p, at, stop, wire, what)
  if wire ~= VARINT then bad(what .. " is no integer") end
  return read_int64(p, at, stop)
end

-- ---------------------------------------------------------------- fields

local function read_bool(p, at, stop)
  local v
  v, at = read_int64(p, at, stop)
  return v ~= 0, at
end

-- the numbers of the schema for the values, and the value_type that each goes with
local VALUES = {
  [4] = { type = STRING },
  [5] = { type = BYTES },
  [6] = { type = INTEGER, wire = VARINT, read = read_int64 },
  [7] = { type = DOUBLE, wire = FIXED64, read = read_double },
  [8] = { type = BOOL, wire = VARINT, read = read_bool },
}

-- one value, or many that are packed, are added to the list
local function read_values(p, at, stop, wire, of, list)
  if not of.read then
    list[#list + 1], at = read_text(p, at, stop, wire, "a value")
    return at
  end
  if wire == of.wire then
    list[#list + 1], at = of.read(p, at, stop)
    return at
  end
  if wire ~= LENGTH then bad "a value that does not have the type of its field" end
  local to
  at, to = read_span(p, at, stop)
  while at < to do
    list[#list + 1], at = of.read(p, at, to)
  end
  return at
end

local function lend_all(list, lend)
  for i = 1, #list do
    list[i] = lend(list[i])
  end
end

local function read_field(p, at, stop, lend)
  local field, lists = { value_type = STRING }, {}
  while at < stop do
    local number, wire
    number, wire, at = read_key(p, at, stop)
    if VALUES[number] then
      local of = VALUES[number]
      lists[of.type] = lists[of.type] or {}
      at = read_values(p, at, stop, wire, of, lists[of.type])
    elseif number == 1 then
      field.name, at = read_text(p, at, stop, wire, "a field's name")
    elseif number == 2 then
      local v
      v, at = read_number(p, at, stop, wire, "a field's value_type")
      if v < 0 or v > 4 then bad "a value_type beyond 4" end
      field.value_type = tonumber(v)
    elseif number == 3 then
      field.representation, at = read_text(p, at, stop, wire, "a field's representation")
    else
      at = skip(p, at, stop, wire)
    end
  end
  if not field.name then bad "a field without a name" end
  field.value = lists[field.value_type] or {}
  if field.value_type == INTEGER and lend then lend_all(field.value, lend) end
  return field
end

-- ---------------------------------------------------------------- messages

local TEXTS = { [1] = "Uuid", [3] = "Type", [4] = "Logger", [6] = "Payload", [7] = "EnvVersion", [9] = "Hostname" }
local NUMBERS = { [5] = "Severity", [8] = "Pid" }

local function read_message(p, at, stop, lend)
  local msg, fields = {}, nil
  while at < stop do
    local number, wire
    number, wire, at = read_key(p, at, stop)
    if TEXTS[number] then
      msg[TEXTS[number]], at = read_text(p, at, stop, wire, TEXTS[number])
    elseif number == 10 then
      if wire ~= LENGTH then bad "Fields are no messages" end
      local from
      from, at = read_span(p, at, stop)
      fields = fields or {}
      if #fields >= MAX_FIELDS then bad("more than " .. MAX_FIELDS .. " fields") end
      fields[#fields + 1] = read_field(p, from, at, lend)
    elseif number == 2 then
      local v
      v, at = read_number(p, at, stop, wire, "Timestamp")
      msg.Timestamp = lend and lend(v) or v
    elseif NUMBERS[number] then
      local v
      v, at = read_number(p, at, stop, wire, NUMBERS[number])
      msg[NUMBERS[number]] = tonumber(ffi.cast("int32_t", v))
    else
      at = skip(p, at, stop, wire)
    end
  end
  msg.Fields = fields
  if not msg.Uuid or not msg.Timestamp then bad "a message needs a Uuid and a Timestamp" end
  if #msg.Uuid ~= 16 then bad "a Uuid has 16 bytes" end
  return msg
end

local RECORD_SEPARATOR, UNIT_SEPARATOR = 0x1e, 0x1f

-- where the message within a frame begins and ends
local function unframe(p, n)
  local header_end = n >= 2 and 2 + p[1] or n
  if header_end >= n or p[header_end] ~= UNIT_SEPARATOR then bad "a frame whose header does not end where it should" end
  local at, length = 2, nil
  while at < header_end do
    local number, wire
    number, wire, at = read_key(p, at, header_end)
    if number == 1 and wire == VARINT then
      length, at = read_size(p, at, header_end)
    else
      at = skip(p, at, header_end, wire)
    end
  end
  if length ~= n - header_end - 1 then bad "a frame whose length is not that of its message" end
  return header_end + 1, n
end

-- Bytes of a message, framed or not, to a table in the form of inject_message; Fields are a list, and each value is one, too.
-- lend: what makes of an int64 the number that the table is to have; nil leaves int64s as they are.
function M.decode(bytes, lend)
  M.held = bytes -- the pointer does not keep it from being collected
  local p, at, stop = ffi.cast(L.bytes_ptr, bytes), 0, #bytes
  if stop > 0 and p[0] == RECORD_SEPARATOR then at, stop = unframe(p, stop) end -- no message begins with this byte
  return read_message(p, at, stop, lend)
end

return M
