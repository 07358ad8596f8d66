-- Writes a pack into a slot of this process's own arena: records from the front, heap from the back.
-- One writer exists per process; `open` points it at a slot (or at local memory between two decoders).
local ffi = require "ffi"
local L = require "layout"

local cast, copy = ffi.cast, ffi.copy

local W = {
  base = nil, -- uint8_t *, start of the slot
  size = 0, -- bytes of the slot
  cursor = 0, -- where the next record goes
  heap = 0, -- the heap is [heap, size)
  count = 0, -- records
  shapes = {}, -- shape -> its number in this pack
  shape_list = {},
  shape_bytes = 0,
  columns = 0, -- of all shapes
}

-- room kept free beside what a caller asks for: shapes added by the record that is being written
local MARGIN_BYTES = 4096

-- base: uint8_t *; size: bytes
function W.open(base, size)
  W.base, W.size = base, size
  W.cursor, W.heap = L.PACK_BYTES, size
  W.count = 0
  W.shapes, W.shape_list, W.shape_bytes, W.columns = {}, {}, 0, 0
end

-- for writing elsewhere for a while: answers what `restore` takes
function W.save()
  return { base = W.base, size = W.size, cursor = W.cursor, heap = W.heap, count = W.count,
    shapes = W.shapes, shape_list = W.shape_list, shape_bytes = W.shape_bytes, columns = W.columns }
end

function W.restore(saved)
  for k, v in pairs(saved) do
    W[k] = v
  end
end

function W.close()
  W.base = nil
end

-- more shapes than these make a pack full: who reads it holds them all at once
local MAX_SHAPES, MAX_SHAPE_BYTES, MAX_COLUMNS = 128, 128 * 1024, 2500

-- what W.bytes_left says, or none if the pack has shapes enough
function W.room()
  return #W.shape_list < MAX_SHAPES and W.shape_bytes < MAX_SHAPE_BYTES and W.columns < MAX_COLUMNS and W.bytes_left() or 0
end

-- what a slot that is empty has room for
function W.most()
  return W.size - L.PACK_BYTES - MARGIN_BYTES
end

-- bytes that records, heap and shapes may still take together
function W.bytes_left()
  return W.heap - W.cursor - W.shape_bytes - MARGIN_BYTES
end

-- the number of a record's shape; an error if one more record of that shape would not fit
function W.shape_number(shape)
  local number = W.shapes[shape]
  local room = W.heap - W.cursor - W.shape_bytes - shape.bytes
  if room < 0 or not number and room < #shape.key then
    W.need(shape.bytes + #shape.key)
    number = W.shapes[shape]
  end
  if number then return number end
  number = #W.shape_list
  W.shape_list[number + 1] = shape
  W.shapes[shape] = number
  W.shape_bytes, W.columns = W.shape_bytes + #shape.key, W.columns + #shape.columns
  return number
end

-- Makes room for n bytes by sending what is there and going on in another slot; answers whether it could. Set by emit.
W.on_full = nil

-- whether the record that is being written may be moved to another slot: if all of it that is in this one is staged
W.may_move = false

-- an error if n bytes of the heap are not to be had
function W.need(n)
  if W.heap - n < W.cursor + W.shape_bytes + MARGIN_BYTES and not (W.may_move and W.on_full(n)) then
    error("the message does not fit into a pack", 0)
  end
end

-- puts the bytes [p, p+n) into the heap and answers their first position
function W.put(p, n)
  local at = W.heap - n
  if at < W.cursor + W.shape_bytes + MARGIN_BYTES then
    W.need(n)
    at = W.heap - n
  end
  copy(W.base + at, p, n)
  W.heap = at
  return at
end

-- like put, aligned to eight bytes
function W.put_aligned(p, n)
  W.heap = W.heap - W.heap % 8
  n = n + (-n) % 8
  return W.put(p, n)
end

-- writes shapes and header; answers the bytes in use
function W.finish(stream, position, raw_bytes, loop_depth, flags)
  local at = W.cursor
  for _, shape in ipairs(W.shape_list) do
    copy(W.base + at, shape.key, #shape.key)
    at = at + #shape.key
  end
  local h = cast(L.pack_ptr, W.base)
  h.magic, h.version, h.flags, h.size = L.MAGIC, L.VERSION, flags, W.size
  h.record_count, h.records_start, h.records_end = W.count, L.PACK_BYTES, W.cursor
  h.shapes_start, h.shapes_bytes, h.shape_count = W.cursor, at - W.cursor, #W.shape_list
  h.heap_start, h.raw_bytes, h.loop_depth = W.heap, raw_bytes, loop_depth
  h.stream, h.position = stream, position
  h.reserved = 0
  return at + W.size - W.heap
end

return W
