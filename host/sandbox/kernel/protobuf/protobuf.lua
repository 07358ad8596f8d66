-- Heka's message in protobuf: from a record, or from the table of a script, to bytes.
-- The bytes are those that a protobuf library writes for the schema with its fields in the order of their numbers: arrays are packed,
-- also those of one value, and the value_type of a string is left out, since 0 is its default.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local W = require "writer"
local inject = require "inject"
local json_values = require "json_values"
local numbers = require "numbers"
local uuids = require "uuids"
local values = require "values"

local M = {}

local cast, copy = ffi.cast, ffi.copy
local band, bor, rshift = bit.band, bit.bor, bit.rshift

-- ---------------------------------------------------------------- the buffer

-- The message stands in the buffer from here on; a frame fits in front of it.
local FRAME_BYTES = 16
local FIRST_BYTES = 16 * 1024

local base, size = nil, 0
M.buffer = {} -- its memory: a pointer does not keep alive what it points at
local written = 0 -- bytes of the message that was encoded last

-- makes sure that n bytes fit at base[at]
local function need(at, n)
  if at + n <= size then return end
  local more = math.max(FIRST_BYTES, size)
  while more < at + n do
    more = more * 2
  end
  local larger = ffi.new("uint8_t[?]", more)
  if size > 0 then copy(larger, base, at) end
  M.buffer.memory, base, size = larger, cast(L.bytes_ptr, larger), more
end

local function varint_bytes(n)
  return n < 0x80 and 1 or n < 0x4000 and 2 or n < 0x200000 and 3 or 4
end

local MAX_SIZE = 0x10000000 -- what put_size takes is less

-- a length, or another small number, as a varint; without a loop, in which LuaJIT would leave one trace for another
local function put_size(at, n)
  if n < 0x80 then
    base[at] = n
    return at + 1
  end
  base[at] = bor(band(n, 127), 128)
  if n < 0x4000 then
    base[at + 1] = rshift(n, 7)
    return at + 2
  end
  base[at + 1] = bor(band(rshift(n, 7), 127), 128)
  if n < 0x200000 then
    base[at + 2] = rshift(n, 14)
    return at + 3
  end
  base[at + 2] = bor(band(rshift(n, 14), 127), 128)
  base[at + 3] = rshift(n, 21)
  return at + 4
end

local function int64_bytes(v)
  local u, n = cast("uint64_t", v), 1
  while u >= 128ULL do
    u, n = rshift(u, 7), n + 1
  end
  return n
end

local function put_int64(at, v)
  local u = cast("uint64_t", v)
  while u >= 128ULL do
    base[at] = bor(tonumber(band(u, 127ULL)), 128)
    u, at = rshift(u, 7), at + 1
  end
  base[at] = tonumber(u)
  return at + 1
end

-- tag, length and the bytes [p, p+n)
local function put_bytes(at, tag, p, n)
  need(at, n + 8)
  base[at] = tag
  at = put_size(at + 1, n)
  copy(base + at, p, n)
  return at + n
end

-- ---------------------------------------------------------------- one field

local FIELD = 0x52
local TAGS = { [L.STRING] = 0x22, [L.BYTES] = 0x2a, [L.INTEGER] = 0x32, [L.DOUBLE] = 0x3a, [L.BOOL] = 0x42 }

local function text(tag, s)
  local bytes, n = { tag }, #s
  while n >= 128 do
    bytes[#bytes + 1] = bor(band(n, 127), 128)
    n = rshift(n, 7)
  end
  bytes[#bytes + 1] = n
  return string.char(unpack(bytes)) .. s
end

-- what all values of a field have in front of them; kind: STRING, BYTES, INTEGER, DOUBLE or BOOL
local function prefix_of(name, kind, representation)
  local value_type = values.value_type(kind)
  return text(0x0a, name) .. (value_type ~= 0 and string.char(0x10, value_type) or "") ..
    (representation and representation ~= "" and text(0x1a, representation) or "")
end

local function open_field(at, prefix, n)
  local body = #prefix + n
  need(at, body + 8)
  base[at] = FIELD
  at = put_size(at + 1, body)
  copy(base + at, prefix, #prefix)
  return at + #prefix
end

local function put_text_field(at, prefix, tag, p, n)
  at = open_field(at, prefix, 1 + varint_bytes(n) + n)
  return put_bytes(at, tag, p, n)
end

-- how the values of a packed array are written: bytes of one, and one at base[at]
local PACKED = {
  [L.INTEGER] = { bytes = int64_bytes, put = put_int64 },
  [L.DOUBLE] = {
    bytes = function() return 8 end,
    put = function(at, v)
      cast("double *", base + at)[0] = v
      return at + 8
    end,
  },
  [L.BOOL] = {
    bytes = function() return 1 end,
    put = function(at, v)
      base[at] = v and 1 or 0
      return at + 1
    end,
  },
}

local function put_packed_field(at, prefix, kind, list)
  local packed, n = PACKED[kind], 0
  for i = 1, #list do
    n = n + packed.bytes(list[i])
  end
  at = open_field(at, prefix, 1 + varint_bytes(n) + n)
  base[at] = TAGS[kind]
  at = put_size(at + 1, n)
  for i = 1, #list do
    at = packed.put(at, list[i])
  end
  return at
end

-- list: strings, int64s, numbers or booleans, as kind has it
local function put_list_field(at, prefix, kind, list)
  if #list == 0 then return open_field(at, prefix, 0) end
  if PACKED[kind] then return put_packed_field(at, prefix, kind, list) end
  local n = 0
  for i = 1, #list do
    n = n + 1 + varint_bytes(#list[i]) + #list[i]
  end
  at = open_field(at, prefix, n)
  for i = 1, #list do
    at = put_bytes(at, TAGS[kind], list[i], #list[i])
  end
  return at
end

-- ---------------------------------------------------------------- columns

-- A step is called as step(at, record, raw, pack); it appends what its column holds at base[at], and answers where it ends.

local function is_text(kind)
  return kind == L.STRING or kind == L.BYTES
end

-- a function that answers the column's slot and the bytes that its positions count from; nil if the record lacks it
local function slot_finder(column)
  local in_heap = band(column.flags, L.IN_HEAP) ~= 0
  local absent = band(column.flags, L.OPTIONAL) ~= 0 and (column.kind == L.INTEGER and L.ABSENT_INTEGER or L.ABSENT)
  local number = column.slot
  return function(record, raw, pack)
    local slot = cast(L.slot_ptr, record + 1) + number
    if absent and slot.bits == absent then return nil end
    return slot, in_heap and pack or raw
  end
end

local function text_step(column)
  local find, tag = slot_finder(column), TAGS[column.kind]
  local prefix = prefix_of(column.name, column.kind, column.representation)
  return function(at, record, raw, pack)
    local slot, from = find(record, raw, pack)
    if not slot then return at end
    return put_text_field(at, prefix, tag, from + slot.from, slot.to - slot.from)
  end
end

local function double_of_text(from, slot)
  return numbers.read_double(from, slot.from, slot.to)
end

local function nothing() end

local SCALARS = {
  [L.INTEGER] = { L.INTEGER, function(_, slot) return slot.integer end },
  [L.DOUBLE] = { L.DOUBLE, function(_, slot) return slot.number end },
  [L.BOOL] = { L.BOOL, function(_, slot) return slot.integer ~= 0 end },
  [L.BOOL_TEXT] = { L.BOOL, function(from, slot) return from[slot.from] == 116 end },
  [L.DOUBLE_TEXT] = { L.DOUBLE, double_of_text },
  [L.INTEGER_TEXT] = { L.INTEGER, function(from, slot) return numbers.exact_int64(from, slot.from, slot.to) end },
}

-- small numbers, as most are, without an int64 and without a list
local SMALL = {
  [L.INTEGER] = function(_, slot)
    local v = slot.integer
    return v >= 0 and v < MAX_SIZE and tonumber(v) or nil
  end,
  [L.INTEGER_TEXT] = function(from, slot)
    if slot.to - slot.from > 9 then return nil end
    local v = numbers.read(from, slot.from, slot.to)
    return v >= 0 and v < MAX_SIZE and v or nil
  end,
}

local function put_small_field(at, prefix, v)
  local n = varint_bytes(v)
  at = open_field(at, prefix, 2 + n)
  base[at] = TAGS[L.INTEGER]
  base[at + 1] = n
  return put_size(at + 2, v)
end

local function scalar_step(column)
  local kind, read = SCALARS[column.kind][1], SCALARS[column.kind][2]
  local find = slot_finder(column)
  local prefix = prefix_of(column.name, kind, column.representation)
  local too_large = prefix_of(column.name, L.DOUBLE, column.representation)
  local small_of = SMALL[column.kind] or nothing
  local one = {}
  return function(at, record, raw, pack)
    local slot, from = find(record, raw, pack)
    if not slot then return at end
    local small = small_of(from, slot)
    if small then return put_small_field(at, prefix, small) end
    one[1] = read(from, slot)
    if one[1] == nil then -- digits beyond any int64
      one[1] = double_of_text(from, slot)
      return put_packed_field(at, too_large, L.DOUBLE, one)
    end
    return put_packed_field(at, prefix, kind, one)
  end
end

-- the elements of an array block: kind and list
local function block_list(from, slot)
  local head = cast(L.u32_ptr, from + slot.from)
  local kind, count = head[0], head[1]
  local slots, list = cast(L.slot_ptr, from + slot.from + 8), {}
  for i = 1, count do
    local s = slots + (i - 1)
    if is_text(kind) then
      list[i] = ffi.string(from + s.from, s.to - s.from)
    else
      list[i] = SCALARS[kind][2](from, s)
    end
  end
  return kind, list
end

local LUA_KINDS = { string = L.STRING, number = L.DOUBLE, boolean = L.BOOL }

-- numbers of JSON: integers if all of them are
local function number_list(texts)
  local integers, doubles = {}, {}
  for i, digits in ipairs(texts) do
    integers[i], doubles[i] = numbers.int64_of(digits), tonumber(digits)
  end
  for i = 1, #texts do
    if integers[i] == nil then return L.DOUBLE, doubles end
  end
  return L.INTEGER, integers
end

-- a JSON array of values of one type is an array; anything else stays JSON text
local function json_list(from, slot)
  local json = ffi.string(from + slot.from, slot.to - slot.from)
  local texts = json_values.number_texts(json)
  if texts and texts[1] then return number_list(texts) end
  local list, kind = {}, nil
  for i = 1, json_values.is_array(json) and json_values.count(json) or 0 do
    list[i] = json_values.element(json, i - 1)
    local of = LUA_KINDS[type(list[i])]
    if not of or kind and of ~= kind then return L.STRING, { json } end
    kind = of
  end
  if not kind then return L.STRING, { json } end
  return kind, list
end

local function list_step(column, list_of)
  local find, prefixes = slot_finder(column), {}
  return function(at, record, raw, pack)
    local slot, from = find(record, raw, pack)
    if not slot then return at end
    local kind, list = list_of(from, slot)
    local prefix = prefixes[kind] or prefix_of(column.name, kind, column.representation)
    prefixes[kind] = prefix
    return put_list_field(at, prefix, kind, list)
  end
end

-- through the reader that scripts use: what is left are strings that have no bytes of their own
local function reader_step(shape, column, index)
  local variable = values.variable_name(column)
  local occurrence = 0
  for n, i in ipairs(shape.occurrences[variable]) do
    if i == index then occurrence = n - 1 end
  end
  local read = values.reader(shape, variable, occurrence, 0)
  local prefix = prefix_of(column.name, L.STRING, column.representation)
  return function(at, record, raw, pack)
    local s = read(record, raw, pack)
    if s == nil then return at end
    return put_text_field(at, prefix, TAGS[L.STRING], s, #s)
  end
end

local function field_step(shape, column, index)
  if is_text(column.kind) then return text_step(column) end
  if SCALARS[column.kind] then return scalar_step(column) end
  if column.kind == L.ARRAY then return list_step(column, block_list) end
  if column.kind == L.JSON_VALUE then return list_step(column, json_list) end
  return reader_step(shape, column, index)
end

-- ---------------------------------------------------------------- headers

-- a header that is a string: its bytes, from wherever they come
local function string_header(shape, name, tag)
  local read = values.text_reader(shape, name)
  local column = shape.columns[shape.first[name]]
  local in_record = column and band(column.flags, L.OPTIONAL) == 0 or name == "Payload" and shape.payload_is_record
  return function(at, record, raw, pack)
    local s = read(record, raw, pack)
    if s == nil or s == "" and not in_record then return at end
    s = tostring(s)
    return put_bytes(at, tag, s, #s)
  end
end

local function payload_is_record(at, record, raw)
  return put_bytes(at, 0x32, raw + record.raw_start, record.raw_end - record.raw_start)
end

local function constant_header(tag, s)
  local bytes = text(tag, s)
  return function(at)
    need(at, #bytes)
    copy(base + at, bytes, #bytes)
    return at + #bytes
  end
end

local function integer_header(shape, name, tag)
  local read = values.reader(shape, name, 0, 0)
  return function(at, record, raw, pack)
    local v = tonumber(read(record, raw, pack))
    if v == nil or v % 1 ~= 0 or v < -2147483648 or v > 2147483647 then return at end
    base[at] = tag
    return put_int64(at + 1, cast("int64_t", v))
  end
end

-- many records in a row are of the same time
local stamp = { ns = ffi.new "int64_t[1]", buffer = ffi.new "uint8_t[16]", bytes = 0 }

local function put_timestamp(at, ns)
  if stamp.bytes == 0 or stamp.ns[0] ~= ns then
    local stop = put_int64(at, ns)
    stamp.ns[0], stamp.bytes = ns, stop - at
    copy(stamp.buffer, base + at, stop - at)
    return stop
  end
  copy(base + at, stamp.buffer, stamp.bytes)
  return at + stamp.bytes
end

local function uuid_and_timestamp(shape)
  local uuid = shape.first.Uuid and values.reader(shape, "Uuid", 0, 0) or nothing
  return function(at, record, raw, pack)
    local id = uuid(record, raw, pack)
    id = type(id) == "string" and uuids.bytes(id) or values.derive_uuid(record, pack)
    base[at], base[at + 1] = 0x0a, 16
    copy(base + at + 2, id, 16)
    base[at + 18] = 0x10
    return put_timestamp(at + 19, record.timestamp)
  end
end

local MAX_CHAINED = 50 -- Lua 5.1 allows a function 60 upvalues

-- One function that does one step after the other. Each call stands in the code by itself, so LuaJIT compiles them all in one trace; a
-- loop over the steps would be a call of another function each time round.
local function chain(steps, first)
  first = first or 1
  local last = math.min(first + MAX_CHAINED - 1, #steps)
  local names, lines = {}, {}
  for i = 1, last - first + 1 do
    names[i] = "s" .. i
    lines[i] = string.format("need(at, 64) at = s%d(at, record, raw, pack)", i)
  end
  local source = string.format("local need, %s = ... return function(at, record, raw, pack) %s return at end",
    table.concat(names, ", "), table.concat(lines, " "))
  local done = assert(loadstring(source, "=protobuf"))(need, unpack(steps, first, last))
  if last == #steps then return done end
  local rest = chain(steps, last + 1)
  return function(at, record, raw, pack) return rest(done(at, record, raw, pack), record, raw, pack) end
end

-- the steps of a shape, in the order of the schema's numbers
local function compile(shape)
  local steps = {}
  local function add(step)
    steps[#steps + 1] = step
  end
  add(uuid_and_timestamp(shape))
  if shape.type ~= "" then add(constant_header(0x1a, shape.type)) end
  if shape.logger ~= "" then add(constant_header(0x22, shape.logger)) end
  if shape.first.Severity then add(integer_header(shape, "Severity", 0x28)) end
  if shape.payload_is_record and not shape.first.Payload then
    add(payload_is_record)
  elseif shape.first.Payload then
    add(string_header(shape, "Payload", 0x32))
  end
  if shape.first.EnvVersion then add(string_header(shape, "EnvVersion", 0x3a)) end
  if shape.first.Pid then add(integer_header(shape, "Pid", 0x40)) end
  if shape.first.Hostname then add(string_header(shape, "Hostname", 0x4a)) end
  for i, column in ipairs(shape.columns) do
    if band(column.flags, L.HEADER) == 0 then add(field_step(shape, column, i)) end
  end
  return chain(steps)
end

-- ---------------------------------------------------------------- whole messages

-- encodes a record into the buffer; answers the bytes of the message
function M.record(record, raw, pack, shape)
  local encode = shape.protobuf
  if not encode then
    encode = compile(shape)
    shape.protobuf = encode
  end
  written = encode(FRAME_BYTES, record, raw, pack) - FRAME_BYTES
  return written
end

-- what was encoded last: where it begins, and how many bytes it has, maybe with the frame in front of it
function M.span(framed)
  if not framed then return base + FRAME_BYTES, written end
  local header = 1 + varint_bytes(written)
  local at = FRAME_BYTES - header - 3
  base[at], base[at + 1], base[at + 2] = 0x1e, header, 0x08
  put_size(at + 3, written)
  base[FRAME_BYTES - 1] = 0x1f
  return base + at, written + header + 3
end

function M.encode_record(record, raw, pack, shape, framed)
  M.record(record, raw, pack, shape)
  return ffi.string(M.span(framed))
end

local scratch, scratch_bytes = nil, 0

-- the table of a message becomes a record in a pack that nobody else sees, and that is encoded
function M.encode_table(msg, type_, logger, now, framed)
  local n = inject.estimate(msg) + 32 * 1024
  if n > scratch_bytes then
    scratch, scratch_bytes = ffi.new("uint64_t[?]", math.ceil(n / 8)), 8 * math.ceil(n / 8)
  end
  local outer = W.save()
  local pack = cast(L.bytes_ptr, scratch)
  W.open(pack, scratch_bytes)
  local ok, shape = pcall(inject.append, msg, type_, logger, now, 0, 0)
  W.restore(outer)
  if outer.base == nil then W.close() end
  if not ok then error(shape, 0) end
  return M.encode_record(cast(L.record_ptr, pack + L.PACK_BYTES), pack, pack, shape, framed)
end

-- ---------------------------------------------------------------- what read_message answers

-- the variables raw, framed and size, as readers
values.virtual.raw = function(shape)
  return function(record, raw, pack) return M.encode_record(record, raw, pack, shape, false) end
end
values.virtual.framed = function(shape)
  return function(record, raw, pack) return M.encode_record(record, raw, pack, shape, true) end
end
values.virtual.size = function(shape)
  return function(record, raw, pack) return M.record(record, raw, pack, shape) end
end

return M
