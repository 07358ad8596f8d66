-- A later decoder of a chain at work on the Payload of a decoded record: what it finds joins the record.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local W = require "writer"
local json_text = require "json_text"
local message = require "message"
local shapes = require "shapes"

local M = {}

local BACKSLASH = 92

-- positions of the payload: base, from, to, and whether they lie in the heap being written
local function payload_of(record, shape, job, pack)
  local index = shape.first.Payload
  if not index then
    if shape.payload_is_record then return job.raw, record.raw_start, record.raw_end, false end
    return nil
  end
  local column = shape.columns[index]
  if column.kind ~= L.STRING and column.kind ~= L.BYTES and column.kind ~= L.JSON_STRING then return nil end
  local slot = ffi.cast(L.slot_ptr, record + 1) + column.slot
  if slot.bits == L.ABSENT then return nil end
  local in_heap = bit.band(column.flags, L.IN_HEAP) ~= 0
  local p, n = (in_heap and pack or job.raw) + slot.from, slot.to - slot.from
  if column.kind == L.JSON_STRING and ffi.C.memchr(p, BACKSLASH, n) ~= nil then
    p = json_text.unescape(ffi.string(p, n))
    n, in_heap = #p, true
  end
  if not in_heap then return job.raw, slot.from, slot.to, false end
  local at = W.put(p, n)
  return W.base, at, at + n, true
end

local function copied(column, in_heap)
  local flags = column.flags
  if in_heap and (column.kind <= L.JSON_STRING or column.kind == L.JSON_VALUE) then flags = bit.bor(flags, L.IN_HEAP) end
  return { name = column.name, kind = column.kind, flags = flags, representation = column.representation, value = column.value }
end

-- the shape of both together, and for each of its slots where it comes from: {first or second, slot}
local function joined(a, b, in_heap)
  local key = (in_heap and "h" or "r") .. b.key
  local found = a.joined and a.joined[key]
  if found then return found end
  local def = {
    type = b.type ~= "" and b.type or a.type, logger = a.logger, payload_is_record = a.payload_is_record, columns = {},
  }
  local sources = {}
  local function take(shape, which, heap)
    for _, c in ipairs(shape.columns) do
      local is_header = bit.band(c.flags, L.HEADER) ~= 0
      local replaced = which == 1 and is_header and b.first[c.name] and b.columns[b.first[c.name]].kind ~= L.CONST
      local doubled = which == 2 and is_header and c.kind == L.CONST and a.first[c.name]
      if not replaced and not doubled then
        def.columns[#def.columns + 1] = copied(c, heap)
        if c.slot then sources[#sources + 1] = { which, c.slot } end
      end
    end
  end
  take(a, 1, false)
  take(b, 2, in_heap)
  found = { shape = shapes.intern(def), sources = sources }
  a.joined = a.joined or {}
  a.joined[key] = found
  return found
end

local MAX_FIELDS = 2048
local both = ffi.new("hk_slot[?]", MAX_FIELDS)

-- decode: single(base, from, to, now) -> ok, reason; it appends a record to the writer
function M.payload(record, shape, job, pack, decode)
  local base, from, to, in_heap = payload_of(record, shape, job, pack)
  if not base then return false, "the message has no Payload for the next decoder" end
  local cursor, count = W.cursor, W.count
  local ok, why = decode(base, from, to, record.timestamp)
  if not ok then return false, why end
  local second = ffi.cast(L.record_ptr, W.base + cursor)
  local join = joined(shape, W.shape_list[second.shape + 1], in_heap)
  if #join.sources > MAX_FIELDS then
    W.cursor, W.count = cursor, count
    return false, "a message has at most " .. MAX_FIELDS .. " fields"
  end
  local slots = { ffi.cast(L.slot_ptr, record + 1), ffi.cast(L.slot_ptr, second + 1) }
  for i, source in ipairs(join.sources) do
    both[i - 1] = slots[source[1]][source[2]]
  end
  for _, c in ipairs(join.shape.columns) do
    if c.slot and join.sources[c.slot + 1][1] == 1 then message.copy_heap_value(c, both[c.slot], pack) end
  end
  local out = second
  out.words, out.shape = join.shape.words, W.shape_number(join.shape)
  out.flags, out.raw_start, out.raw_end = 0, record.raw_start, record.raw_end
  ffi.copy(out + 1, both, join.shape.slots * L.SLOT_BYTES)
  W.cursor, W.count = cursor + join.shape.bytes, count + 1
  return true
end

return M
