-- Records to JSON lines: one function compiled per shape, which copies slices of the pack.
-- It keeps two cursors over the raw bytes, the next quote and the next backslash, so text without either costs a
-- memory copy. Control characters and bytes that are no ASCII are looked for once in a pack, eight bytes at a time.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local numbers = require "numbers"
local json_text = require "json_text"
local shapes = require "shapes"
local uuids = require "uuids"
local values = require "values"
local date_text = require "date_text"

local M = {}

local C, cast, copy = ffi.C, ffi.cast, ffi.copy
local band, bor, bxor, bnot = bit.band, bit.bor, bit.bxor, bit.bnot

-- Where the next byte goes is a number, counted from the batch's start, and never a pointer: a pointer that leaves a
-- compiled trace is an object for the garbage collector.

-- ---------------------------------------------------------------- what bytes contain

local HIGH, LOW7 = 0x8080808080808080ULL, 0x7f7f7f7f7f7f7f7fULL
local SPACES, NEWLINES = 0x2020202020202020ULL, 0x0a0a0a0a0a0a0a0aULL
local ONES, QUOTES, BACKSLASHES = 0x0101010101010101ULL, 0x2222222222222222ULL, 0x5c5c5c5c5c5c5c5cULL

-- true if every byte of [p, p+n) is printable ASCII, or the byte that `except` consists of; may be false without cause, never true without
local function is_plain(p, n, except)
  local words = cast(L.u64_ptr, p)
  local acc = 0ULL
  local whole = bit.rshift(n, 3)
  for i = 0, whole - 1 do
    local x = words[i]
    local y = bxor(x, except)
    local control = band(band(x - SPACES, bnot(x)), bor(band(y, LOW7) + LOW7, y))
    acc = bor(acc, bor(x, control))
  end
  if band(acc, HIGH) ~= 0 then return false end
  local other = tonumber(band(except, 255ULL))
  for i = whole * 8, n - 1 do
    local c = p[i]
    if c > 126 or c < 32 and c ~= other then return false end
  end
  return true
end

-- not zero if one of the eight bytes of x cannot stand in a JSON string as it is
local function odd_bytes(x)
  local quote, backslash = bxor(x, QUOTES), bxor(x, BACKSLASHES)
  local control = band(x - SPACES, bnot(x))
  quote, backslash = band(quote - ONES, bnot(quote)), band(backslash - ONES, bnot(backslash))
  return band(bor(bor(control, x), bor(quote, backslash)), HIGH)
end

local state = {
  raw = nil, -- uint8_t *
  raw_bytes = 0,
  delimiters = SPACES, -- what the pack may hold between its records: line feeds if these are lines, otherwise nothing odd
  records = 0, -- of this pack that were encoded
  checked = false, -- whether `plain` holds for the whole pack
  plain = false, -- the raw bytes, or those of the record, need no escape but for quotes and backslashes
  -- There is no quote from the one position up to the other, nor a backslash. So where there are few, few searches find them all.
  quotes_from = 0, next_quote = -1,
  backslashes_from = 0, next_backslash = -1,
}

function M.start_pack(raw, raw_bytes, flags)
  state.delimiters = band(flags, L.LINES) ~= 0 and NEWLINES or SPACES
  state.raw, state.raw_bytes, state.checked, state.records = raw, raw_bytes, false, 0
  state.quotes_from, state.next_quote, state.backslashes_from, state.next_backslash = 0, -1, 0, -1
end

-- records of a pack that are looked at one by one before the whole pack is: looking at all is cheaper by the byte, but a
-- matcher may want few of its records
local FEW_RECORDS = 64

local function check_plain(record, raw)
  state.records = state.records + 1
  if state.records <= FEW_RECORDS then
    state.plain = is_plain(raw + record.raw_start, record.raw_end - record.raw_start, SPACES)
    return
  end
  state.plain = is_plain(state.raw, state.raw_bytes, state.delimiters)
  state.checked = state.plain -- if not, each record is looked at by itself
  if not state.plain then
    state.records = -1e15
    state.plain = is_plain(raw + record.raw_start, record.raw_end - record.raw_start, SPACES)
  end
end

-- position of the first byte c in [from, to), or nil
local function find(c, from, to)
  local at = C.memchr(state.raw + from, c, to - from)
  if at == nil then return nil end
  return tonumber(cast("intptr_t", at) - cast("intptr_t", state.raw))
end

-- position of the next byte c, or one behind the end
local function next_of(c, from)
  return find(c, from, state.raw_bytes) or state.raw_bytes + 1
end

-- The next byte c from a position on, where there is none in [known_from, next_at). Fields may lie in each other, as all do in a Payload
-- that is the record: only what has been passed since is looked at again.
local function next_known(c, from, known_from, next_at)
  if from < known_from then return find(c, from, known_from) or next_at end
  return next_at < from and next_of(c, from) or next_at
end

-- ---------------------------------------------------------------- writing pieces; each answers where the next one goes

local function put_text(base, at, text)
  copy(base + at, text, #text)
  return at + #text
end

local function put_escaped(base, at, from, n)
  return put_text(base, at, json_text.escape(ffi.string(from, n)))
end

-- bytes of a heap as the inside of a JSON string; they are short as a rule
local function put_heap(base, at, heap, from, to)
  local i = from
  while i + 8 <= to do
    if odd_bytes(cast(L.u64_ptr, heap + i)[0]) ~= 0 then return put_escaped(base, at, heap + from, to - from) end
    i = i + 8
  end
  while i < to do
    local c = heap[i]
    if c < 32 or c > 126 or c == 34 or c == 92 then return put_escaped(base, at, heap + from, to - from) end
    i = i + 1
  end
  copy(base + at, heap + from, to - from)
  return at + (to - from)
end

-- bytes of the raw region as the inside of a JSON string
local function put_raw(base, at, raw, from, to)
  if not state.plain then return put_heap(base, at, raw, from, to) end
  local quote = next_known(34, from, state.quotes_from, state.next_quote)
  local backslash = next_known(92, from, state.backslashes_from, state.next_backslash)
  while quote < to or backslash < to do
    local odd = quote < backslash and quote or backslash
    local n = odd - from
    copy(base + at, raw + from, n)
    at = at + n
    base[at] = 92
    base[at + 1] = raw[odd]
    at = at + 2
    from = odd + 1
    if odd == quote then
      quote = next_of(34, from)
    else
      backslash = next_of(92, from)
    end
  end
  state.quotes_from, state.next_quote, state.backslashes_from, state.next_backslash = from, quote, from, backslash
  copy(base + at, raw + from, to - from)
  return at + (to - from)
end

-- What already stands in a JSON string; only bytes that are no UTF-8 are to be replaced.
local function put_json_heap(base, at, bytes, from, to)
  return put_text(base, at, json_text.repair(ffi.string(bytes + from, to - from)))
end

local function put_json_raw(base, at, bytes, from, to)
  local n = to - from
  if not state.plain then return put_json_heap(base, at, bytes, from, to) end
  copy(base + at, bytes + from, n)
  return at + n
end

local function put_double(base, at, v)
  if v ~= v or v == math.huge or v == -math.huge then return put_text(base, at, "null") end -- JSON has no NaN
  return put_text(base, at, numbers.double_text(v))
end

local function put_int64(base, at, v)
  return put_text(base, at, numbers.int64_text(v))
end

local function put_odd_digits(base, at, text)
  local sign, digits = text:match "^([+-]?)0*(%d.*)$"
  if not digits then return put_double(base, at, tonumber(text)) end
  return put_text(base, at, (sign == "-" and "-" or "") .. digits)
end

-- digits as they stand; JSON allows neither a plus sign nor leading zeros
local function put_digits(base, at, bytes, from, to)
  local c = bytes[from]
  local first = (c == 45) and bytes[from + 1] or c
  if c == 43 or first == 46 or (first == 48 and to - from > (c == 45 and 2 or 1)) then
    return put_odd_digits(base, at, ffi.string(bytes + from, to - from))
  end
  copy(base + at, bytes + from, to - from)
  return at + (to - from)
end

local stamp_ns, stamp_buffer, stamp_bytes = ffi.new "int64_t[1]", ffi.new "uint8_t[64]", 0

local FORMATS = {
  rfc3339 = function(ns) return '"' .. date_text.rfc3339(ns) .. '"' end,
  epoch_s = function(ns) return numbers.double_text(tonumber(ns) / 1e9) end,
  epoch_ms = function(ns) return numbers.int64_text(ns / 1000000LL) end,
  epoch_ns = function(ns) return numbers.int64_text(ns) end,
}

local function timestamp_writer(format)
  local text_of = FORMATS[format]
  if not text_of then
    local given = tostring(format)
    error("json encoder: timestamp_format: '" .. given .. "' is not one of rfc3339, epoch_s, epoch_ms, epoch_ns", 0)
  end
  return function(base, at, ns)
    if stamp_bytes == 0 or stamp_ns[0] ~= ns then
      local text = text_of(ns)
      copy(stamp_buffer, text, #text)
      stamp_bytes = #text
      stamp_ns[0] = ns
    end
    copy(base + at, stamp_buffer, stamp_bytes)
    return at + stamp_bytes
  end
end

local function put_element(base, at, kind, slot, heap)
  if kind == L.INTEGER then return put_int64(base, at, slot.integer) end
  local v = values.slot_value(kind, slot, heap)
  if type(v) == "number" then return put_double(base, at, v) end
  if type(v) == "boolean" then return put_text(base, at, tostring(v)) end
  return put_text(base, at, '"' .. json_text.escape(v) .. '"')
end

local function put_array(base, at, heap, from)
  local head = cast(L.u32_ptr, heap + from)
  local kind, count = head[0], head[1]
  local slots = cast(L.slot_ptr, heap + from + 8)
  at = put_text(base, at, "[")
  for i = 0, count - 1 do
    if i > 0 then at = put_text(base, at, ",") end
    at = put_element(base, at, kind, slots + i, heap)
  end
  return put_text(base, at, "]")
end

-- ---------------------------------------------------------------- the code of a shape

local STRINGS = { [L.STRING] = true, [L.BYTES] = true, [L.JSON_STRING] = true }

local function base_of(column)
  return band(column.flags, L.IN_HEAP) ~= 0 and "pack" or "raw"
end

local function value_source(column)
  local slot, kind, bytes = string.format("slots[%d]", column.slot), column.kind, base_of(column)
  local function call(put)
    return string.format("at = %s(base, at, %s, %s.from, %s.to)", put, bytes, slot, slot)
  end
  if kind == L.STRING or kind == L.BYTES then return call(bytes == "raw" and "put_raw" or "put_heap") end
  if kind == L.JSON_STRING or kind == L.JSON_VALUE then return call(bytes == "raw" and "put_json_raw" or "put_json_heap") end
  if kind == L.INTEGER_TEXT or kind == L.DOUBLE_TEXT or kind == L.BOOL_TEXT then return call "put_digits" end
  if kind == L.INTEGER then return string.format("at = put_int64(base, at, %s.integer)", slot) end
  if kind == L.DOUBLE then return string.format("at = put_double(base, at, %s.number)", slot) end
  if kind == L.BOOL then return string.format("at = put_text(base, at, %s.integer ~= 0 and 'true' or 'false')", slot) end
  return string.format("at = put_array(base, at, %s, %s.from)", bytes, slot)
end

-- what is to be written of a shape: a list of {key, column = ... | header = ...}
local HEADER_ORDER = { "Timestamp", "Type", "Logger", "Severity", "Pid", "Hostname", "EnvVersion", "Payload" }

local function all_members(shape)
  local members, taken = {}, {}
  for _, c in ipairs(shape.columns) do
    if band(c.flags, L.HEADER) == 0 then taken[c.name] = true end
  end
  for _, header in ipairs(HEADER_ORDER) do
    local present = header == "Timestamp" or header == "Type" and shape.type ~= "" or header == "Logger" and shape.logger ~= ""
      or header == "Payload" and shape.payload_is_record or shape.first[header]
    if present and not taken[header] then members[#members + 1] = { key = header, variable = header, unless_empty = true } end
  end
  local seen = {}
  for _, c in ipairs(shape.columns) do
    if band(c.flags, L.HEADER) == 0 and not seen[c.name] then
      seen[c.name] = true
      members[#members + 1] = { key = c.name, variable = "Fields[" .. c.name .. "]" }
    end
  end
  return members
end

local function chosen_members(shape, fields)
  local members = {}
  for _, f in ipairs(fields) do
    local variable = f.variable
    if variable == "Timestamp" or variable == "Type" or variable == "Logger" or variable == "Uuid" or
      variable == "Severity" or variable == "Payload" and shape.payload_is_record or shape.first[variable] then
      members[#members + 1] = f
    end
  end
  return members
end

-- a field that occurs several times: a list of the occurrences that are there
local function list_source(emit, shape, list, literal, constant)
  emit("do local count = 0")
  for _, index in ipairs(list) do
    local c = shape.columns[index]
    local quote = STRINGS[c.kind] and '"' or ""
    local optional = band(c.flags, L.OPTIONAL) ~= 0
    if optional then emit("if slots[%d].bits ~= %s then", c.slot, values.absent_literal(c.kind)) end
    emit("if count == 0 then %s else %s end count = count + 1", literal("[" .. quote), constant("," .. quote))
    emit("%s %s", value_source(c), constant(quote))
    if optional then emit("end") end
  end
  emit("if count > 0 then %s end end", constant "]")
end

local function member_source(emit, shape, member, constant)
  local variable, literal = member.variable, member.literal
  if variable == "Uuid" then
    emit("%s at = put_text(base, at, uuid(record, raw, pack)) %s", literal '"', constant '"')
    return
  end
  local list = shape.occurrences[variable]
  if not list then
    if variable == "Timestamp" then
      emit("%s at = put_timestamp(base, at, record.timestamp)", literal(""))
    elseif variable == "Payload" then
      emit("%s at = put_raw(base, at, raw, record.raw_start, record.raw_end) %s", literal '"', constant '"')
    elseif variable == "Severity" then
      emit("%s", literal "7")
    else
      emit("%s", literal('"' .. json_text.escape(variable == "Type" and shape.type or shape.logger) .. '"'))
    end
    return
  end
  local column = shape.columns[list[1]]
  if column.kind == L.CONST then
    emit("%s", literal('"' .. json_text.escape(column.value) .. '"'))
    return
  end
  if #list > 1 then return list_source(emit, shape, list, literal, constant) end
  local optional = band(column.flags, L.OPTIONAL) ~= 0
  if optional then emit("if slots[%d].bits ~= %s then", column.slot, values.absent_literal(column.kind)) end
  -- a header that was set to nothing is as good as none
  local skip_empty = member.unless_empty and STRINGS[column.kind]
  if skip_empty then emit("if slots[%d].to > slots[%d].from then", column.slot, column.slot) end
  local quote = STRINGS[column.kind] and '"' or ""
  emit("%s %s %s", literal(quote), value_source(column), constant(quote))
  if skip_empty then emit("end") end
  -- who asks for the Severity gets the default as well, as from records whose shape has none
  if optional and variable == "Severity" and not member.unless_empty then emit("else %s", literal "7") end
  if optional then emit("end") end
end

local HEAD = [[
local k, cast, copy, slot_ptr, put_raw, put_heap, put_digits, put_int64, put_double, put_text, put_array,
  put_timestamp, uuid, put_json_raw, put_json_heap, state, check_plain = ...
return function(base, at, record, raw, pack)
local slots = cast(slot_ptr, record + 1)
local open = at
if not state.checked then check_plain(record, raw) end
]]

-- a function that answers the Uuid of a record as text
local function uuid_text(shape)
  local read = values.reader(shape, "Uuid", 0, 0)
  return function(record, raw, pack)
    return json_text.escape(uuids.text(tostring(read(record, raw, pack) or "")))
  end
end

-- source that sums the most bytes which the value may take
local function measure_source(shape, member)
  local list = shape.occurrences[member.variable]
  if not list then
    return member.variable == "Payload" and "+ 6 * (record.raw_end - record.raw_start)" or ""
  end
  local parts = {}
  for _, index in ipairs(list) do
    local c = shape.columns[index]
    if c.kind == L.ARRAY then
      parts[#parts + 1] = string.format("+ array_bytes(%s, slots[%d])", base_of(c), c.slot)
    elseif c.kind <= L.JSON_STRING or c.kind == L.JSON_VALUE then
      parts[#parts + 1] = string.format("+ 6 * (slots[%d].to - slots[%d].from)", c.slot, c.slot)
    end
  end
  return table.concat(parts)
end

local function fixed_bytes(shape, members)
  local n = 64
  for _, member in ipairs(members) do
    n = n + #member.key * 6 + 64
    for _, index in ipairs(shape.occurrences[member.variable] or {}) do
      n = n + 40 + 6 * #(shape.columns[index].value or "")
    end
  end
  return n + 6 * (#shape.type + #shape.logger)
end

local function array_bytes(base, slot)
  if slot.bits == L.ABSENT then return 0 end
  local head = cast(L.u32_ptr, base + slot.from)
  local n = 2 + head[1] * 32
  if head[0] == L.STRING or head[0] == L.BYTES then
    local slots = cast(L.slot_ptr, base + slot.from + 8)
    for i = 0, head[1] - 1 do
      n = n + 6 * (slots[i].to - slots[i].from)
    end
  end
  return n
end

local function compile_measure(shape, members)
  local parts = { fixed_bytes(shape, members) }
  for i, member in ipairs(members) do
    parts[i + 1] = measure_source(shape, member)
  end
  local source = "local cast, slot_ptr, array_bytes = ...\nreturn function(record, raw, pack)\n" ..
    "local slots = cast(slot_ptr, record + 1)\nreturn " .. table.concat(parts, " ") .. "\nend"
  return assert(loadstring(source, "=json_measure"))(cast, L.slot_ptr, array_bytes)
end

local function compile(shape, options)
  local lines, k = {}, {}
  local function emit(...)
    lines[#lines + 1] = string.format(...)
  end
  local function constant(text)
    if text == "" then return "" end
    if #text == 1 then return string.format("base[at] = %d at = at + 1", text:byte()) end
    k[#k + 1] = text
    return string.format("copy(base + at, k[%d], %d) at = at + %d", #k, #text, #text)
  end
  local members = options.fields and chosen_members(shape, options.fields) or all_members(shape)
  for _, member in ipairs(members) do
    local key = ',"' .. json_text.escape(member.key) .. '":'
    member_source(emit, shape, {
      variable = member.variable, unless_empty = member.unless_empty,
      literal = function(text) return constant(key .. text) end,
    }, constant)
  end
  -- every member starts with a comma: the first comma becomes the brace
  local tail = "if at == open then at = at + 1 end base[open] = 123 base[at] = 125 return at + 1 end"
  local chunk = assert(loadstring(HEAD .. table.concat(lines, "\n") .. "\n" .. tail, "=json_encoder"))
  local write = chunk(k, cast, copy, L.slot_ptr, put_raw, put_heap, put_digits, put_int64, put_double, put_text, put_array,
    options.put_timestamp, uuid_text(shape), put_json_raw, put_json_heap, state, check_plain)
  return { write = write, measure = compile_measure(shape, members) }
end

local function field_list(fields)
  if fields == nil then return nil end
  local out = {}
  for i, f in ipairs(fields) do
    local key, source = f, f
    if type(f) == "table" then key, source = next(f) end
    local header = shapes.HEADERS[source] or source == "Timestamp" or source == "Type" or source == "Logger"
    local name = source:match "^Fields%[(.*)%]$"
    out[i] = { key = type(f) == "table" and key or name or source, variable = header and source or "Fields[" .. (name or source) .. "]" }
  end
  return out
end

-- options: {fields = list or nil, timestamp_format}.
-- Answers encoder(shape) -> {write(base, at, record, raw, pack) -> where it ends, measure(record, raw, pack) -> most bytes that it takes}
function M.new(options)
  local settled = {
    fields = field_list(options.fields),
    put_timestamp = timestamp_writer(options.timestamp_format or "rfc3339"),
  }
  local compiled = setmetatable({}, { __mode = "k" })
  return function(shape)
    local encoder = compiled[shape]
    if not encoder then
      encoder = compile(shape, settled)
      compiled[shape] = encoder
    end
    return encoder
  end
end

return M
