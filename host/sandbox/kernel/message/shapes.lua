-- Shapes: what the records of a pack have in common (Type, Logger, the columns and their kinds).
-- A shape is interned by its bytes, so two records of the same form share one table, and everything
-- compiled for it (readers, matchers, encoders) is compiled once in the life of the process.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"

local M = {}

-- Code is compiled for each shape, so records that all differ would fill the memory with it: beyond so many shapes all are
-- forgotten, and what is still in use is compiled again.
local MAX_SHAPES, MAX_COLUMNS_KNOWN, MAX_LISTS, MAX_LISTED = 300, 6000, 64, 16

local known, known_count, known_columns = {}, 0, 0
local lists, list_count = {}, 0 -- [block of shapes of a pack] = list of them, counted from 0

-- What a shape remembers of others (transitions, plans) is of no use when those are forgotten, and would keep them in memory.
M.generation = 0

local function forget_all()
  M.generation = M.generation + 1
  known, known_count, known_columns = {}, 0, 0
  lists, list_count = {}, 0
  jit.flush() -- traces keep alive what they were made of
  collectgarbage()
end
local HEADERS = {
  Uuid = true, Payload = true, EnvVersion = true, Hostname = true, Severity = true, Pid = true,
}
M.HEADERS = HEADERS

local function u16(n)
  return string.char(bit.band(n, 255), bit.rshift(n, 8))
end

local function text(s)
  if type(s) ~= "string" then error("a name, Type, Logger or representation must be a string, not a " .. type(s), 0) end
  if #s > 65535 then error("a name is limited to 65535 bytes", 0) end
  return u16(#s) .. s
end

local MAX_COLUMNS = 65000 -- their number and the length of a record are written in 16 bits

local function serialize(def)
  if #def.columns > MAX_COLUMNS then error("a message has at most " .. MAX_COLUMNS .. " fields", 0) end
  local parts = { "", u16(def.payload_is_record and L.PAYLOAD_IS_RECORD or 0), u16(#def.columns),
    text(def.type), text(def.logger) }
  for _, c in ipairs(def.columns) do
    parts[#parts + 1] = string.char(c.kind, c.flags) .. text(c.name) .. text(c.representation or "")
    if c.kind == L.CONST then parts[#parts + 1] = text(c.value) end
  end
  local body = table.concat(parts)
  local total = #body + 4
  return u16(bit.band(total, 65535)) .. u16(bit.rshift(total, 16)) .. body
end

-- the name a script uses: a header by itself, a field in Fields[]
function M.variable(column)
  if bit.band(column.flags, L.HEADER) ~= 0 then return column.name end
  return "Fields[" .. column.name .. "]"
end

local function build(def, key)
  local shape = {
    key = key, type = def.type, logger = def.logger, payload_is_record = def.payload_is_record,
    columns = def.columns, first = {}, occurrences = {}, readers = {}, reader_count = 0, transitions = {}, compiled = {},
  }
  local slots, fields = 0, 0
  for i, c in ipairs(def.columns) do
    if bit.band(c.flags, L.HEADER) == 0 then fields = fields + 1 end
    if c.kind ~= L.CONST then
      c.slot = slots
      slots = slots + 1
    end
    local variable = M.variable(c)
    if not shape.first[variable] then shape.first[variable] = i end
    local list = shape.occurrences[variable] or {}
    list[#list + 1] = i
    shape.occurrences[variable] = list
  end
  shape.slots, shape.fields = slots, fields
  shape.bytes = L.RECORD_BYTES + L.SLOT_BYTES * slots
  shape.words = shape.bytes / 8
  return shape
end

-- def: {type, logger, payload_is_record, columns = {{name, kind, flags, representation, value}, ...}}
function M.intern(def)
  local key = serialize(def)
  local shape = known[key]
  if shape then return shape end
  if known_count >= MAX_SHAPES or known_columns >= MAX_COLUMNS_KNOWN then forget_all() end
  shape = build(def, key)
  known[key] = shape
  known_count, known_columns = known_count + 1, known_columns + #def.columns
  return shape
end

local function copy_columns(columns)
  local out = {}
  for i, c in ipairs(columns) do
    out[i] = { name = c.name, kind = c.kind, flags = c.flags, representation = c.representation, value = c.value }
  end
  return out
end

-- a definition that may be changed and interned again
function M.definition(shape)
  return {
    type = shape.type, logger = shape.logger, payload_is_record = shape.payload_is_record,
    columns = copy_columns(shape.columns),
  }
end

-- the shape with one column changed or (index == #columns + 1) added
function M.with_column(shape, index, column)
  local key = index .. "\0" .. column.kind .. "\0" .. column.flags .. "\0" .. column.name .. "\0" ..
    (column.representation or "")
  if shape.generation ~= M.generation then
    shape.generation, shape.transitions = M.generation, {}
  end
  local next_shape = shape.transitions[key]
  if not next_shape then
    local def = M.definition(shape)
    def.columns[index] = column
    next_shape = M.intern(def)
    if shape.generation == M.generation then shape.transitions[key] = next_shape end
  end
  return next_shape
end

local function read_u16(p, at)
  return p[at] + p[at + 1] * 256
end

local function read_text(p, at)
  local n = read_u16(p, at)
  return ffi.string(p + at + 2, n), at + 2 + n
end

local function parse_one(p, at)
  local flags, count = read_u16(p, at + 4), read_u16(p, at + 6)
  local def = { payload_is_record = bit.band(flags, L.PAYLOAD_IS_RECORD) ~= 0, columns = {} }
  at = at + 8
  def.type, at = read_text(p, at)
  def.logger, at = read_text(p, at)
  for i = 1, count do
    local c = { kind = p[at], flags = p[at + 1] }
    c.name, at = read_text(p, at + 2)
    c.representation, at = read_text(p, at)
    if c.kind == L.CONST then c.value, at = read_text(p, at) end
    def.columns[i] = c
  end
  return def
end

-- the shapes of a pack, as a list counted from 0; the list is shared by packs with equal shapes
function M.of_pack(pack)
  local header = ffi.cast(L.pack_ptr, pack)
  local block = ffi.string(pack + header.shapes_start, header.shapes_bytes)
  local list = lists[block]
  if list then return list end
  list = { block = block, compiled = {} }
  local at = header.shapes_start
  for i = 0, header.shape_count - 1 do
    list[i] = M.intern(parse_one(pack, at))
    at = at + #list[i].key
  end
  if header.shape_count > MAX_LISTED then return list end -- it will hardly come again
  if list_count >= MAX_LISTS then
    lists, list_count = {}, 0
  end
  lists[block], list_count = list, list_count + 1
  return list
end

return M
