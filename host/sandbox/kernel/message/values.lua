-- Reading a value from a record: one small function is compiled for each (shape, variable) and remembered.
-- A reader is called as reader(record, raw, pack): record is an hk_record *, raw and pack are uint8_t * to the
-- first byte of the raw bytes and of the pack. It answers a Lua string, number or boolean, or nil.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local numbers = require "numbers"
local json_text = require "json_text"
local json_values = require "json_values"
local shapes = require "shapes"
local uuids = require "uuids"

local M = {}

M.variable_name = shapes.variable

-- what read_message knows beside headers and fields: name -> function(shape) that answers a reader
M.virtual = {}

local TYPE_NUMBERS = {
  [L.STRING] = 0, [L.BYTES] = 1, [L.INTEGER_TEXT] = 2, [L.DOUBLE_TEXT] = 3, [L.BOOL_TEXT] = 4, [L.JSON_STRING] = 0,
  [L.INTEGER] = 2, [L.DOUBLE] = 3, [L.BOOL] = 4, [L.JSON_VALUE] = 0, [L.CONST] = 0,
}

-- Heka's value_type of a column kind: 0 string, 1 bytes, 2 integer, 3 double, 4 bool
function M.value_type(kind)
  return TYPE_NUMBERS[kind]
end

-- source that answers the value of the slot `s`, whose positions count from `base`
local SLOT_SOURCE = {
  [L.STRING] = "return ffi_string(base + s.from, s.to - s.from)",
  [L.BYTES] = "return ffi_string(base + s.from, s.to - s.from)",
  [L.INTEGER_TEXT] = "return numbers.read(base, s.from, s.to)",
  [L.DOUBLE_TEXT] = "return numbers.read_double(base, s.from, s.to)",
  [L.BOOL_TEXT] = "return base[s.from] == 116",
  [L.JSON_STRING] = "return unescape(ffi_string(base + s.from, s.to - s.from))",
  [L.INTEGER] = "return tonumber(s.integer)",
  [L.DOUBLE] = "return s.number",
  [L.BOOL] = "return s.integer ~= 0",
}

-- the same for those kinds whose digits a Lua number might not keep
local TEXT_SOURCE = {
  [L.INTEGER_TEXT] = SLOT_SOURCE[L.STRING],
  [L.DOUBLE_TEXT] = SLOT_SOURCE[L.STRING],
  [L.INTEGER] = "return numbers.int64_text(s.integer)",
}

function M.absent_literal(kind)
  return kind == L.INTEGER and "0x8000000000000000ULL" or "0xffffffffffffffffULL"
end

-- source up to the point where `s` is the slot and `base` its bytes; answers nil if the record lacks the column
local function prologue(column)
  local base = bit.band(column.flags, L.IN_HEAP) ~= 0 and "pack" or "raw"
  local lines = { "local base = " .. base, string.format("local s = cast(slot_ptr, record + 1) + %d", column.slot) }
  if bit.band(column.flags, L.OPTIONAL) ~= 0 then
    lines[3] = string.format("if s.bits == %s then return nil end", M.absent_literal(column.kind))
  end
  return table.concat(lines, "\n") .. "\n"
end
M.prologue = prologue

local function compile(body)
  local source = "local ffi_string, cast, slot_ptr, numbers, unescape = ...\nreturn function(record, raw, pack)\n" ..
    body .. "\nend"
  return assert(loadstring(source, "=reader"))(ffi.string, ffi.cast, L.slot_ptr, numbers, json_text.unescape)
end

local function constant(value)
  return function() return value end
end

local absent = constant(nil)

local function array_reader(column, ai)
  local slot_reader = column.span or compile(prologue(column) .. "return s.from, s.to, base")
  column.span = slot_reader
  return function(record, raw, pack)
    local from, _, base = slot_reader(record, raw, pack)
    if not from then return nil end
    local head = ffi.cast(L.u32_ptr, base + from)
    local kind, count = head[0], head[1]
    if not (ai >= 0 and ai < count) then return nil end -- NaN too
    return M.slot_value(kind, ffi.cast(L.slot_ptr, base + from + 8) + ai, base)
  end
end

local function json_value_reader(column, ai)
  local text = column.text or compile(prologue(column) .. SLOT_SOURCE[L.STRING])
  column.text = text
  return function(record, raw, pack)
    local t = text(record, raw, pack)
    return t and json_values.element(t, ai)
  end
end

-- the value of a slot of an array block
function M.slot_value(kind, slot, base)
  if kind == L.INTEGER then return tonumber(slot.integer) end
  if kind == L.DOUBLE then return slot.number end
  if kind == L.BOOL then return slot.integer ~= 0 end
  return ffi.string(base + slot.from, slot.to - slot.from)
end

-- the number that a reader has answered, with all its digits: int64 or Lua number, and its text if that has more digits
function M.exact_number(column, ai, number, record, raw, pack)
  local slot = ffi.cast(L.slot_ptr, record + 1) + column.slot
  local base = bit.band(column.flags, L.IN_HEAP) ~= 0 and pack or raw
  if column.kind == L.INTEGER then return slot.integer + 0LL end
  if column.kind == L.INTEGER_TEXT or column.kind == L.DOUBLE_TEXT then
    local text = ffi.string(base + slot.from, slot.to - slot.from)
    return column.kind == L.INTEGER_TEXT and numbers.int64_of(text) or number, text
  end
  if column.kind == L.JSON_VALUE then
    local text = json_values.digits(ffi.string(base + slot.from, slot.to - slot.from), ai)
    return text and numbers.int64_of(text) or number, text
  end
  if column.kind == L.ARRAY and ffi.cast(L.u32_ptr, base + slot.from)[0] == L.INTEGER then
    return (ffi.cast(L.slot_ptr, base + slot.from + 8) + ai).integer + 0LL
  end
  return number
end

local function column_reader(column, ai)
  if column.kind == L.ARRAY then return array_reader(column, ai) end
  if column.kind == L.JSON_VALUE then return json_value_reader(column, ai) end
  if ai ~= 0 then return absent end
  if column.kind == L.CONST then return constant(column.value) end
  return compile(prologue(column) .. SLOT_SOURCE[column.kind])
end

local derived = uuids.bytes16()

-- 16 bytes that are the same whenever this record is read again, from its stream and its position there; they stand until the next call
function M.derive_uuid(record, pack)
  local header = ffi.cast(L.pack_ptr, pack)
  local place = header.position + record.raw_start
  if header.raw_bytes == 0 then place = header.position + (ffi.cast(L.bytes_ptr, record) - pack) end
  local out = derived
  local a = header.stream * 0x9e3779b97f4a7c15ULL + ffi.cast("uint64_t", place)
  a = bit.bxor(a, bit.rshift(a, 29)) * 0xbf58476d1ce4e5b9ULL
  local b = bit.bxor(a, bit.rshift(a, 32)) * 0x94d049bb133111ebULL + ffi.cast("uint64_t", place)
  out.half[0], out.half[1] = a, b
  out.byte[6] = bit.bor(bit.band(out.byte[6], 0x0f), 0x40)
  out.byte[8] = bit.bor(bit.band(out.byte[8], 0x3f), 0x80)
  return out
end

local function uuid(record, _, pack)
  return ffi.string(M.derive_uuid(record, pack).byte, 16)
end
M.derived_uuid = uuid

-- headers that are no columns, or that have a value when their column is missing
local function header_reader(shape, variable)
  if variable == "Timestamp" then return function(record) return tonumber(record.timestamp) end end
  if variable == "Type" then return constant(shape.type) end
  if variable == "Logger" then return constant(shape.logger) end
  if variable == "Uuid" then return uuid end
  if M.virtual[variable] then return M.virtual[variable](shape) end
  if variable == "Severity" then return constant(7) end
  if variable == "Payload" and shape.payload_is_record then
    return compile "return ffi_string(raw + record.raw_start, record.raw_end - record.raw_start)"
  end
  if variable == "Payload" or variable == "EnvVersion" or variable == "Hostname" then return constant "" end
  return absent
end

-- of a header that some records of the shape lack; read: reader of its column
local function optional_header_reader(shape, variable, read)
  local default = header_reader(shape, variable)
  return function(record, raw, pack)
    local v = read(record, raw, pack)
    if v == nil then return default(record, raw, pack) end
    return v
  end
end

local function is_optional_header(column)
  return bit.band(column.flags, L.HEADER) ~= 0 and bit.band(column.flags, L.OPTIONAL) ~= 0
end

local function build(shape, variable, fi, ai)
  local list = shape.occurrences[variable]
  if list then
    local column = shape.columns[list[fi + 1] or 0]
    if not column then return absent end
    if is_optional_header(column) and fi == 0 and ai == 0 then
      return optional_header_reader(shape, variable, column_reader(column, 0))
    end
    return column_reader(column, ai)
  end
  if fi ~= 0 or ai ~= 0 then return absent end
  return header_reader(shape, variable)
end

-- readers of a shape before all are forgotten: a script may ask for other names and indexes all the time
local MAX_READERS = 1000

-- fi, ai: field index and array index, from 0
function M.reader(shape, variable, fi, ai)
  local key = fi == 0 and ai == 0 and variable or variable .. "\0" .. fi .. "\0" .. ai
  local reader = shape.readers[key]
  if reader then return reader end
  if shape.reader_count >= MAX_READERS then
    shape.readers, shape.reader_count = {}, 0
  end
  reader = build(shape, variable, fi, ai)
  shape.readers[key], shape.reader_count = reader, shape.reader_count + 1
  return reader
end

-- reads a value to be written as text: numbers come with all their digits, as strings
function M.text_reader(shape, variable)
  local readers = shape.text_readers
  if not readers then
    readers = {}
    shape.text_readers = readers
  end
  if not readers[variable] then
    local column = shape.columns[shape.first[variable]]
    local source = column and TEXT_SOURCE[column.kind]
    local read = source and compile(prologue(column) .. source)
    if read and is_optional_header(column) then read = optional_header_reader(shape, variable, read) end
    readers[variable] = read or M.reader(shape, variable, 0, 0)
  end
  return readers[variable]
end

return M
