-- The message that a script sees: the current record, and what the script has written over it.
-- Reading touches only the column that is asked for. The first write copies the record's slots into `staged`;
-- `commit` appends them to the pack being written.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local W = require "writer"
local digits = require "digits"
local handles = require "handles"
local json_values = require "json_values"
local numbers = require "numbers"
local shapes = require "shapes"
local values = require "values"
local timestamps = require "timestamps"
local usage = require "usage"

local M = {}

local cast, copy = ffi.cast, ffi.copy
local band = bit.band

local MAX_FIELDS, MAX_HEADERS = 1024, 16 -- max_message_fields is never more
local staged_bytes = L.RECORD_BYTES + L.SLOT_BYTES * (MAX_FIELDS + MAX_HEADERS)
local staged_memory = ffi.new("uint64_t[?]", staged_bytes / 8)
local staged_record = cast(L.record_ptr, staged_memory)
local staged_slots = cast(L.slot_ptr, staged_record + 1)

-- the current record: what read_message reads
local record, raw, pack, shape
local staged = false
local heap_mark = 0
local next_field = 0 -- of read_next_field

-- record_: hk_record *; raw_, pack_: uint8_t *
function M.set(record_, raw_, pack_, shape_)
  record, raw, pack, shape, staged = record_, raw_, pack_, shape_, false
  next_field = 0
  numbers.forget_lent()
end

function M.clear()
  record, staged = nil, false
  numbers.forget_lent()
end

function M.current()
  return record, raw, pack, shape
end

function M.is_staged()
  return staged
end

-- ---------------------------------------------------------------- reading

local function need_record(name)
  if record == nil then error(name .. ": there is no message here", 3) end
end

-- Only a number may come near a pointer: a table's __add would be handed it.
local function need_index(name, index)
  if index ~= nil and (type(index) ~= "number" or index ~= index) then
    error(name .. ": an index must be a number", 3)
  end
end

local get_reader = values.reader

-- described in api.lua
function M.read_message(variable, fi, ai, zero_copy)
  need_record "read_message"
  if fi == nil and not zero_copy then
    local reader = shape.readers[variable]
    if reader then return reader(record, raw, pack) end
  end
  if type(variable) ~= "string" then error("read_message: the variable must be a string", 2) end
  need_index("read_message", fi)
  need_index("read_message", ai)
  if zero_copy then return handles.read(variable, fi or 0, ai or 0, record, raw, pack, shape) end
  return get_reader(shape, variable, fi or 0, ai or 0)(record, raw, pack)
end

local TYPE_OF_LUA = { string = 0, number = 3, boolean = 4 }

-- Heka's value_type of a field, and how many values it has; value: its first one
local function type_and_count(column, value)
  if column.kind ~= L.ARRAY and column.kind ~= L.JSON_VALUE then return values.value_type(column.kind), 1 end
  local slot = cast(L.slot_ptr, record + 1) + column.slot
  local base = band(column.flags, L.IN_HEAP) ~= 0 and pack or raw
  if column.kind == L.ARRAY then
    local head = cast(L.u32_ptr, base + slot.from)
    return values.value_type(head[0]), head[1]
  end
  local text = ffi.string(base + slot.from, slot.to - slot.from)
  local whole = type(value) == "number" and not text:find "[.eE]"
  return whole and 2 or TYPE_OF_LUA[type(value)], json_values.count(text)
end

local function occurrence(variable, index)
  for n, i in ipairs(shape.occurrences[variable]) do
    if i == index then return n - 1 end
  end
end

-- described in api.lua
function M.read_next_field()
  need_record "read_next_field"
  while true do
    next_field = next_field + 1
    local column = shape.columns[next_field]
    if not column then return nil end
    if band(column.flags, L.HEADER) == 0 then
      local variable = values.variable_name(column)
      local value = get_reader(shape, variable, occurrence(variable, next_field), 0)(record, raw, pack)
      if value ~= nil then
        local value_type, count = type_and_count(column, value)
        return value_type, column.name, value, column.representation or "", count
      end
    end
  end
end

-- ---------------------------------------------------------------- staging

-- the record as it was before anything was written over it
local before = {}

-- n: a number whose digits a Lua number may not hold all. Answers the int64 of the message that it stands for, or nil.
function M.exact(n)
  if n > -numbers.SAFE and n < numbers.SAFE then return nil end
  if staged then return digits.of(n, before.record, before.raw, before.pack, before.shape) end
  return digits.of(n, record, raw, pack, shape)
end

-- copies an array block, and the strings it points at, into the heap of the pack being written
local function copy_array(base, from)
  local head = cast(L.u32_ptr, base + from)
  local kind, count = head[0], head[1]
  local old = cast(L.slot_ptr, base + from + 8)
  local block = ffi.new("hk_slot[?]", count + 1)
  cast(L.u32_ptr, block)[0], cast(L.u32_ptr, block)[1] = kind, count
  for i = 0, count - 1 do
    block[i + 1] = old[i]
    if kind == L.STRING or kind == L.BYTES then
      local n = old[i].to - old[i].from
      local at = W.put(base + old[i].from, n)
      block[i + 1].from, block[i + 1].to = at, at + n
    end
  end
  local at = W.put_aligned(block, 8 * (count + 1))
  return at, at + 8 * (count + 1)
end

-- moves what a column's slot points at from the heap of `from_pack` into the heap being written
local function copy_heap_value(column, slot, from_pack)
  if band(column.flags, L.IN_HEAP) == 0 or slot.bits == L.ABSENT then return end
  if column.kind == L.ARRAY then
    slot.from, slot.to = copy_array(from_pack, slot.from)
  elseif column.kind <= L.JSON_STRING or column.kind == L.JSON_VALUE then
    local n = slot.to - slot.from
    local at = W.put(from_pack + slot.from, n)
    slot.from, slot.to = at, at + n
  end
end

M.copy_heap_value = copy_heap_value

local function has_heap(of)
  if of.has_heap == nil then
    of.has_heap = false
    for _, c in ipairs(of.columns) do
      if band(c.flags, L.IN_HEAP) ~= 0 then of.has_heap = true end
    end
  end
  return of.has_heap
end

local function array_heap_bytes(base, slot)
  local n, head = slot.to - slot.from + 16, cast(L.u32_ptr, base + slot.from)
  if head[0] ~= L.STRING and head[0] ~= L.BYTES then return n end
  for i = 1, head[1] do
    local s = cast(L.slot_ptr, base + slot.from) + i
    n = n + s.to - s.from
  end
  return n
end

-- bytes that the values of a record take in the heap of its pack
function M.heap_bytes(of_record, of_pack, of_shape)
  if not has_heap(of_shape) then return 0 end
  local n = 0
  for _, c in ipairs(of_shape.columns) do
    local slot = c.slot and cast(L.slot_ptr, of_record + 1) + c.slot
    if slot and band(c.flags, L.IN_HEAP) ~= 0 and slot.bits ~= L.ABSENT then
      n = n + (c.kind == L.ARRAY and array_heap_bytes(of_pack, slot) or slot.to - slot.from)
    end
  end
  return n
end

local function copy_heap_values(from_pack)
  if not has_heap(shape) then return end
  for _, c in ipairs(shape.columns) do
    if c.slot then copy_heap_value(c, staged_slots[c.slot], from_pack) end
  end
end

function M.stage()
  if staged then return end
  if shape.slots > MAX_FIELDS then error("a message has at most " .. MAX_FIELDS .. " fields", 0) end
  heap_mark = W.heap
  before.record, before.raw, before.pack, before.shape = record, raw, pack, shape
  copy(staged_memory, record, shape.bytes)
  copy_heap_values(pack)
  record, pack, staged = staged_record, W.base, true
end

-- bytes of what was written over the current record; nil if nothing was
function M.staged_bytes()
  return staged and heap_mark - W.heap + shape.bytes + #shape.key or nil
end

-- forgets what was written over the current record
function M.discard()
  if staged then W.heap = heap_mark end
  staged = false
end

-- after the writer has moved to another slot: `old` is where the staged values were
function M.restage(old)
  if not staged then return end
  copy_heap_values(old)
  heap_mark, pack = W.size, W.base
end

-- appends the current record (with what was written) to the pack
function M.commit()
  M.stage()
  W.may_move = true
  usage.message(heap_mark - W.heap + shape.bytes + #shape.key, shape.fields)
  local head = W.shape_number(shape) * 65536 + shape.words
  cast(L.u32_ptr, staged_record)[0] = head
  copy(W.base + W.cursor, staged_memory, shape.bytes)
  W.cursor = W.cursor + shape.bytes
  W.count = W.count + 1
  staged = false
end

-- ---------------------------------------------------------------- writing

local LUA_KINDS = { number = L.DOUBLE, string = L.STRING, boolean = L.BOOL, cdata = L.INTEGER }

local function split(variable)
  local name = variable:match "^Fields%[(.*)%]$"
  if name then return name, 0 end
  if shapes.HEADERS[variable] then return variable, L.HEADER end
  error("write_message: '" .. variable .. "' is neither a header nor Fields[name]", 3)
end

local function without_column(def, index)
  table.remove(def.columns, index)
  return shapes.intern(def)
end

-- the shape after a value of `kind` was written, and the slot it goes to
local function plan_write(variable, kind, representation, fi)
  local name, flags = split(variable)
  if kind == L.STRING then flags = flags + L.IN_HEAP end
  local list = shape.occurrences[variable]
  local index = list and list[fi + 1]
  local from = shape
  if index and shape.columns[index].kind == L.CONST then
    from, index = without_column(shapes.definition(shape), index), nil
  end
  if variable == "Payload" and from.payload_is_record then
    local def = shapes.definition(from)
    def.payload_is_record = false
    from = shapes.intern(def)
  end
  if not index then
    if band(flags, L.HEADER) == 0 then usage.field(from.fields + 1) end
    if from.slots >= MAX_FIELDS + MAX_HEADERS then error("a message has at most " .. MAX_HEADERS .. " headers", 3) end
  end
  local old = index and from.columns[index]
  if kind == L.STRING and old and old.kind == L.BYTES then kind = L.BYTES end
  local column = { name = name, kind = kind, flags = flags, representation = representation or old and old.representation }
  index = index or #from.columns + 1
  local next_shape = shapes.with_column(from, index, column)
  return {
    shape = next_shape, slot = next_shape.columns[index].slot,
    was_integer = old and (old.kind == L.INTEGER or old.kind == L.INTEGER_TEXT),
  }
end

local function planned(variable, kind, representation, fi)
  if representation or fi ~= 0 then return plan_write(variable, kind, representation, fi) end
  local plans = shape.write_plans
  if not plans or shape.plans_of ~= shapes.generation then
    plans = {}
    shape.write_plans, shape.plans_of = plans, shapes.generation
  end
  local of_kind = plans[kind]
  if not of_kind then
    of_kind = {}
    plans[kind] = of_kind
  end
  local plan = of_kind[variable]
  if not plan then
    plan = plan_write(variable, kind, nil, 0)
    of_kind[variable] = plan
  end
  return plan
end

-- the int64 that a number is to be written as: if it stands for one, or if it takes the place of one; else nil
local function integer_of(value, plan)
  local exact = M.exact(value)
  if exact then return exact end
  if plan.was_integer and value % 1 == 0 and value >= -2 ^ 63 and value < 2 ^ 63 then return cast("int64_t", value) end
end

local function write_value(variable, kind, value, representation, fi)
  local plan = planned(variable, kind, representation, fi)
  if kind == L.DOUBLE and (plan.was_integer or value >= numbers.SAFE or value <= -numbers.SAFE) then
    local integer = integer_of(value, plan)
    if integer then
      kind, value = L.INTEGER, integer
      plan = planned(variable, kind, representation, fi)
    end
  end
  local slot = staged_slots + plan.slot
  if kind == L.DOUBLE then
    slot.number = value
  elseif kind == L.STRING then
    local n = #value
    local at = W.put(value, n)
    slot.from, slot.to = at, at + n
  elseif kind == L.BOOL then
    slot.integer = value and 1 or 0
  else
    slot.integer = value
  end
  shape = plan.shape
end

local function timestamp_of(value)
  if type(value) == "number" then return M.exact(value) or timestamps.of_number(value) end
  if type(value) == "cdata" then return cast("int64_t", value) end
  if type(value) == "string" and timestamps.rfc3339(cast(L.bytes_ptr, value), 0, #value) then return timestamps.value[0] end
  error("Timestamp must be nanoseconds since 1970 or an RFC 3339 string", 3)
end

local function retype(what, value)
  local def = shapes.definition(shape)
  def[what] = value
  shape = shapes.intern(def)
end

local function delete(variable, fi)
  local list = shape.occurrences[variable]
  local index = list and list[fi + 1]
  if variable == "Payload" and shape.payload_is_record then
    retype("payload_is_record", false)
    return
  end
  if not index then return end
  local slot, slots = shape.columns[index].slot, shape.slots
  shape = without_column(shapes.definition(shape), index)
  if slot then
    for i = slot, slots - 2 do
      staged_slots[i] = staged_slots[i + 1]
    end
  end
end

local INTEGER_HEADERS = { Severity = true, Pid = true }

local function write_header(variable, value)
  if variable == "Timestamp" then
    staged_record.timestamp = timestamp_of(value)
  elseif variable == "Type" or variable == "Logger" then
    local what = variable:lower()
    local text = value == nil and "" or tostring(value)
    if shape[what] ~= text then retype(what, text) end
  elseif INTEGER_HEADERS[variable] and type(value) == "number" then
    write_value(variable, L.INTEGER, value, nil, 0)
  else
    return false
  end
  return true
end

local function column_of(variable, fi)
  local list = shape.occurrences[variable]
  return list and shape.columns[list[fi + 1]]
end

-- An element is set, or taken out if the value is nil; ai beyond 0 makes the field an array. It is written anew as a whole.
local function write_element(variable, value, representation, fi, ai)
  local list = {}
  local i = 0
  while true do
    local v = handles.read(variable, fi, i, record, raw, pack, shape)
    if v == nil then break end
    i = i + 1
    list[i] = handles.value(v)
  end
  if ai > #list then error("write_message: array_index " .. ai .. " leaves a gap", 3) end
  if value == nil then
    table.remove(list, ai + 1)
  else
    list[ai + 1] = value
  end
  if #list == 0 then return delete(variable, fi) end
  M.write_array(variable, list, representation, fi)
end

local ARRAY_KINDS = { number = L.DOUBLE, string = L.STRING, boolean = L.BOOL, cdata = L.INTEGER }

-- numbers among which one keeps digits that no double has are all int64s, if all are whole
local function same_type(elements)
  local wide, whole = false, true
  local list = {}
  for i, v in ipairs(elements) do
    local exact = type(v) == "number" and M.exact(v)
    list[i] = exact or v
    wide = wide or exact or type(v) == "cdata"
    whole = whole and (type(v) == "cdata" or type(v) == "number" and v % 1 == 0)
  end
  if not wide then return elements end
  for i, v in ipairs(list) do
    if whole then list[i] = cast("int64_t", v) elseif type(v) == "cdata" then list[i] = tonumber(v) end
  end
  return list
end

-- all that an array takes, so that it is not cut in two
local function array_bytes(elements)
  local n = 8 * (#elements + 3)
  for _, v in ipairs(elements) do
    if type(v) == "string" then n = n + #v end
  end
  return n
end

-- elements: a list of values of one type; kind: that of the elements if it is not the one of their Lua type
function M.put_array(elements, kind)
  elements = same_type(elements)
  kind = kind or ARRAY_KINDS[type(elements[1])]
  if not kind then error("an array holds strings, numbers or booleans", 3) end
  W.need(array_bytes(elements))
  local block = ffi.new("hk_slot[?]", #elements + 1)
  cast(L.u32_ptr, block)[0], cast(L.u32_ptr, block)[1] = kind, #elements
  for i, v in ipairs(elements) do
    if type(v) ~= type(elements[1]) then error("the values of an array must be of one type", 3) end
    if kind == L.STRING or kind == L.BYTES then
      local at = W.put(v, #v)
      block[i].from, block[i].to = at, at + #v
    elseif kind == L.DOUBLE then
      block[i].number = tonumber(v)
    elseif kind == L.BOOL then
      block[i].integer = v and 1 or 0
    else
      block[i].integer = v
    end
  end
  return W.put_aligned(block, 8 * (#elements + 1)), 8 * (#elements + 1)
end

function M.write_array(variable, elements, representation, fi)
  local at, n = M.put_array(elements)
  local plan = plan_write(variable, L.ARRAY, representation, fi)
  local column = plan.shape.columns[plan.shape.occurrences[variable][fi + 1]]
  if band(column.flags, L.IN_HEAP) == 0 then
    column = { name = column.name, kind = L.ARRAY, flags = column.flags + L.IN_HEAP, representation = column.representation }
    plan.shape = shapes.with_column(plan.shape, plan.shape.occurrences[variable][fi + 1], column)
  end
  staged_slots[plan.slot].from, staged_slots[plan.slot].to = at, at + n
  shape = plan.shape
end

-- described in api.lua
function M.write_message(variable, value, representation, fi, ai)
  need_record "write_message"
  local kind = LUA_KINDS[type(value)]
  if not kind and value ~= nil then
    value = handles.resolve(value) -- may call the script, so before anything is begun
    kind = LUA_KINDS[type(value)]
    if not kind then error("write_message: a value must be a string, a number or a boolean, not a " .. type(value), 2) end
    need_record "write_message"
  end
  if not staged then M.stage() end
  W.may_move = true
  if representation == nil and fi == nil and kind and shape.write_plans then
    local of_kind = shape.write_plans[kind]
    if of_kind and of_kind[variable] then return write_value(variable, kind, value, nil, 0) end
  end
  if type(variable) ~= "string" then error("write_message: the variable must be a string", 2) end
  need_index("write_message", fi)
  need_index("write_message", ai)
  if fi and (fi < 0 or fi % 1 ~= 0) then error("write_message: field_index must be 0, 1, 2 ...", 2) end
  if ai and (ai < 0 or ai % 1 ~= 0) then error("write_message: array_index must be 0, 1, 2 ...", 2) end
  if representation ~= nil and type(representation) ~= "string" then
    error("write_message: the representation must be a string", 2)
  end
  fi = fi or 0
  if variable ~= "Payload" and not variable:find("^Fields%[") and write_header(variable, value) then return end
  local column = ai and column_of(variable, fi)
  if ai and (ai > 0 or column and column.kind == L.ARRAY) then
    write_element(variable, value, representation, fi, ai)
  elseif value == nil then
    delete(variable, fi)
  else
    write_value(variable, kind, value, representation, fi)
  end
end

return M
