-- inject_message: a record made of a Lua table, appended to the pack being written.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local W = require "writer"
local handles = require "handles"
local message = require "message"
local shapes = require "shapes"
local timestamps = require "timestamps"
local usage = require "usage"

local M = {}

local cast = ffi.cast
local MAX_FIELDS, MAX_HEADERS = 1024, 16 -- max_message_fields is never more

local KINDS = { number = L.DOUBLE, string = L.STRING, boolean = L.BOOL, cdata = L.INTEGER }
local BY_VALUE_TYPE = { [0] = L.STRING, [1] = L.BYTES, [2] = L.INTEGER, [3] = L.DOUBLE, [4] = L.BOOL }

local columns, slots, count, fields = {}, ffi.new("hk_slot[?]", MAX_FIELDS + MAX_HEADERS), 0, 0

local function bad(name, what)
  error("inject_message: " .. name .. ": " .. what, 0)
end

-- What is to be an integer but has no place in an int64 is a double. 2^63 may stand for the largest int64, which a number rounds up.
local function is_beyond_int64(value)
  return type(value) == "number" and not (value >= -2 ^ 63 and value < 2 ^ 63) and not message.exact(value)
end

local function add(name, kind, flags, representation)
  count = count + 1
  if bit.band(flags, L.HEADER) == 0 then
    fields = fields + 1
    usage.field(fields)
  end
  columns[count] = { name = name, kind = kind, flags = flags, representation = representation }
  return slots[count - 1]
end

local function add_value(name, value, kind, flags, representation)
  value = handles.resolve(value)
  if type(value) == "number" and kind ~= L.DOUBLE then value = message.exact(value) or value end
  local natural = KINDS[type(value)]
  if not natural then bad(name, "a value must be a string, a number or a boolean, not a " .. type(value)) end
  kind = kind or natural
  if kind == L.INTEGER and is_beyond_int64(value) then kind = L.DOUBLE end
  local is_text = kind == L.STRING or kind == L.BYTES
  if is_text ~= (type(value) == "string") then bad(name, "the value is a " .. type(value) .. ", which its value_type is not") end
  if type(value) == "boolean" and kind ~= L.BOOL then bad(name, "the value is a boolean, which its value_type is not") end
  local slot = add(name, kind, flags + (is_text and L.IN_HEAP or 0), representation)
  if is_text then
    local at = W.put(value, #value)
    slot.from, slot.to = at, at + #value
  elseif kind == L.DOUBLE then
    slot.number = tonumber(value)
  elseif kind == L.BOOL then
    slot.integer = (value == true or value ~= false and value ~= 0) and 1 or 0
  else
    slot.integer = value
  end
end

local function add_array(name, given, kind, representation)
  if #given == 0 and not kind then return end -- nobody knows what it is a list of
  if #given == 1 then return add_value(name, given[1], kind, 0, representation) end
  local list = {}
  for i, v in ipairs(given) do
    list[i] = handles.resolve(v)
    if kind == L.INTEGER and is_beyond_int64(list[i]) then kind = L.DOUBLE end
  end
  local at, n = message.put_array(list, kind)
  local slot = add(name, L.ARRAY, L.IN_HEAP, representation)
  slot.from, slot.to = at, at + n
end

-- value: a scalar, a list, or {value=, value_type=, representation=}
local function add_field(name, value)
  if type(name) ~= "string" then bad("Fields", "a field's name must be a string") end
  value = handles.resolve(value)
  if type(value) ~= "table" then return add_value(name, value, nil, 0) end
  local kind, representation, inner = nil, nil, value
  if value.value ~= nil then
    kind, representation, inner = BY_VALUE_TYPE[value.value_type], value.representation, handles.resolve(value.value)
    if representation ~= nil and type(representation) ~= "string" then bad(name, "the representation must be a string") end
    if value.value_type and not kind then bad(name, "value_type must be 0 to 4") end
  end
  if type(inner) == "table" then return add_array(name, inner, kind, representation) end
  add_value(name, inner, kind, 0, representation)
end

local function add_fields(given)
  if given[1] ~= nil then -- the array form keeps the order
    for _, f in ipairs(given) do
      if type(f) ~= "table" then bad("Fields", "a list of fields holds tables, not a " .. type(f)) end
      add_field(f.name, f)
    end
    return
  end
  local names = {}
  for name in pairs(given) do
    if type(name) ~= "string" then bad("Fields", "a field's name must be a string") end
    names[#names + 1] = name
  end
  table.sort(names) -- one order for one set of names: one shape
  for _, name in ipairs(names) do
    add_field(name, given[name])
  end
end

local STRING_HEADERS = { "Uuid", "Payload", "EnvVersion", "Hostname" }
local NUMBER_HEADERS = { "Severity", "Pid" }

local function add_headers(msg)
  for _, name in ipairs(STRING_HEADERS) do
    local value = handles.resolve(msg[name])
    if value ~= nil then
      if type(value) ~= "string" then bad(name, "must be a string") end
      add_value(name, value, L.STRING, L.HEADER)
    end
  end
  for _, name in ipairs(NUMBER_HEADERS) do
    local value = handles.resolve(msg[name])
    if type(value) == "cdata" then value = tonumber(value) end
    if value ~= nil then
      if type(value) ~= "number" then bad(name, "must be a number") end
      add_value(name, value, L.INTEGER, L.HEADER)
    end
  end
end

local function timestamp_of(given, default)
  local value = handles.resolve(given)
  if value == nil then return default end
  if type(value) == "number" then return message.exact(value) or timestamps.of_number(value) end
  if type(value) == "cdata" then return value end
  if type(value) == "string" and timestamps.rfc3339(cast(L.bytes_ptr, value), 0, #value) then return timestamps.value[0] end
  bad("Timestamp", "must be nanoseconds since 1970 or an RFC 3339 string")
end

local most, least -- bytes of the message that is being looked at

local function visit(v, depth)
  if type(v) == "string" then
    most, least = most + #v + 16, least + #v
  elseif type(v) == "table" and handles.value(v) ~= nil then
    most = most + #handles.text(v) + 16
  elseif type(v) == "table" and depth < 6 then
    for k, inner in pairs(v) do
      most = most + (type(k) == "string" and 2 * #k + 64 or 16)
      visit(inner, depth + 1)
    end
  end
end

-- bytes that the message may take in a pack: what must be free before it is written. A message that is larger than it may be for
-- certain ends the sandbox here.
function M.estimate(msg)
  most, least = 4096, 0
  for _, name in ipairs(STRING_HEADERS) do
    visit(msg[name], 0)
  end
  if type(msg.Fields) == "table" then
    for name, v in pairs(msg.Fields) do
      if type(name) == "string" then most, least = most + 2 * #name + 64, least + #name end
      visit(v, 0)
    end
  end
  usage.message(least, 0)
  return most
end

-- msg: the table of inject_message; type_, logger: its constant headers; now: int64 ns, used if it has no Timestamp;
-- raw_start, raw_end: the record it stands for, or 0, 0. Appends the record to the pack.
function M.append(msg, type_, logger, now, raw_start, raw_end)
  W.may_move = false
  count, columns, fields = 0, {}, 0
  local heap = W.heap
  local timestamp = timestamp_of(msg.Timestamp, now)
  add_headers(msg)
  if msg.Fields ~= nil then
    if type(msg.Fields) ~= "table" then bad("Fields", "must be a table") end
    add_fields(msg.Fields)
  end
  local shape = shapes.intern { type = type_, logger = logger, payload_is_record = false, columns = columns }
  usage.message(heap - W.heap + shape.bytes + #shape.key, fields)
  local r = cast(L.record_ptr, W.base + W.cursor)
  cast(L.u32_ptr, r)[0] = W.shape_number(shape) * 65536 + shape.words
  r.flags, r.timestamp, r.raw_start, r.raw_end = 0, timestamp, raw_start, raw_end
  ffi.copy(r + 1, slots, count * L.SLOT_BYTES)
  W.cursor = W.cursor + shape.bytes
  W.count = W.count + 1
  return shape
end

return M
