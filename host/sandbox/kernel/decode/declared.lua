-- Declared grammars: a decoder names its fields and their LPEG patterns, and the kernel makes from them one pattern
-- that captures positions, and one loop that stores them. No string is made of a field, no table of a record.
--
-- The loop matches the pack's whole text where a record starts. That is right only as long as a match ends with its own
-- record, which is checked; whenever it does not, the record is matched again by itself.
local ffi = require "ffi"
local lpeg = require "lpeg"
local L = require "layout"
local W = require "writer"
local shapes = require "shapes"
local timestamps = require "timestamps"
local transforms = require "transforms"
local absent_literal = require "values".absent_literal

local P, Cp, Cc = lpeg.P, lpeg.Cp, lpeg.Cc

local M = {}

-- records matched by one call of LPEG: a call costs about as much as two short fields
local GROUP = 2

local KINDS = {
  string = L.STRING, bytes = L.BYTES, integer = L.INTEGER_TEXT, double = L.DOUBLE_TEXT, bool = L.BOOL_TEXT,
  json_string = L.JSON_STRING, json_value = L.JSON_VALUE,
}

local function bad(where, message)
  error(string.format("declare_grammar: %s: %s", where, message), 0)
end

-- ---------------------------------------------------------------- from items to captures

-- Walks the items of an alternative. `captures` counts the positions that the pattern captures; a position is known as
-- {capture, plus}: that capture's value plus a fixed number of bytes; {0, n}: the record's start plus n.
local function new_walk()
  return { parts = {}, captures = 0, at = { 0, 0 }, fields = {} }
end

local function append(walk, pattern)
  walk.parts[#walk.parts + 1] = pattern
end

-- The product of parts from..to. LPEG copies both factors: one factor after the other would copy the first ones each time.
local function product(parts, from, to)
  if from > to then return P(true) end
  if from == to then return P(parts[from]) end
  local middle = math.floor((from + to) / 2)
  return product(parts, from, middle) * product(parts, middle + 1, to)
end

local function pattern_of(walk)
  return product(walk.parts, 1, #walk.parts)
end

local function add_capture(walk)
  append(walk, Cp())
  walk.captures = walk.captures + 1
  walk.at = { walk.captures, 0 }
  return walk.at
end

local function add_literal(walk, literal)
  append(walk, literal)
  if walk.at then walk.at = { walk.at[1], walk.at[2] + #literal } end
end

local function add_field(walk, item, where)
  local kind = item.type or "string"
  if type(item.name) ~= "string" or item.name == "" then bad(where, "a field needs a name") end
  if not item.grammar then bad(where, "field '" .. item.name .. "' needs a grammar") end
  if not KINDS[kind] and not timestamps.parser(kind:match "^timestamp:(.*)$" or "") then
    bad(where, "field '" .. item.name .. "' has the unknown type '" .. kind .. "'")
  end
  local from = walk.at or add_capture(walk)
  append(walk, P(item.grammar))
  walk.fields[#walk.fields + 1] = { item = item, kind = kind, from = from, to = add_capture(walk) }
end

local add_items

-- inside an optional part every position is a capture of its own, so that its absence can be captured too
local function add_optional(walk, items, where)
  local inner = new_walk()
  inner.at = nil
  add_items(inner, items, where)
  local absent = P(true)
  for _ = 1, inner.captures do
    absent = absent * Cc(false)
  end
  append(walk, pattern_of(inner) + absent)
  for _, f in ipairs(inner.fields) do
    f.from = { f.from[1] + walk.captures, f.from[2] }
    f.to = { f.to[1] + walk.captures, f.to[2] }
    f.optional = f.from[1]
    walk.fields[#walk.fields + 1] = f
  end
  walk.captures = walk.captures + inner.captures
  walk.at = nil
end

function add_items(walk, items, where)
  for i, item in ipairs(items) do
    local here = where .. ", item " .. i
    if type(item) == "string" then
      add_literal(walk, item)
    elseif lpeg.type(item) then
      append(walk, item)
      walk.at = nil
    elseif type(item) == "table" and item.optional then
      add_optional(walk, item.optional, here)
    elseif type(item) == "table" then
      add_field(walk, item, here)
    else
      bad(here, "must be a string, an LPEG pattern or a table, not a " .. type(item))
    end
  end
end

-- ---------------------------------------------------------------- from captures to code

-- whether an item is that header. Records that name their own fields (forms.lua) have fields that are called as headers are.
local function is_header(item, name)
  return item.name == name and not item.is_field
end

local function column_of(item, kind, flags)
  local header = shapes.HEADERS[item.name] and is_header(item, item.name)
  return { name = item.name, kind = kind, flags = flags + (header and L.HEADER or 0), representation = item.representation }
end

-- what the code needs to know of an alternative
local function plan(walk, spec, where)
  local columns, steps, timestamp, has_hostname = {}, {}, nil, false
  local function computed(item, f)
    local kind = transforms.kind(item.type or "string")
    if not kind then bad(where, "a transform gives string, integer, double or bool, not '" .. item.type .. "'") end
    columns[#columns + 1] = column_of(item, kind, L.OPTIONAL + (kind == L.STRING and L.IN_HEAP or 0))
    steps[#steps + 1] = { computed = transforms.new(item.transform, kind), field = f, kind = kind }
  end
  local function as_it_is(item, f)
    local kind = KINDS[item.type or "string"]
    if not kind then bad(where, "field '" .. item.name .. "' has the unknown type '" .. item.type .. "'") end
    columns[#columns + 1] = column_of(item, kind, f.optional and L.OPTIONAL or 0)
    steps[#steps + 1] = { field = f }
  end
  for _, f in ipairs(walk.fields) do
    has_hostname = has_hostname or is_header(f.item, "Hostname")
    local parser = f.kind:match "^timestamp:(.*)$"
    if is_header(f.item, "Timestamp") then
      if not parser and not f.item.transform then
        bad(where, "Timestamp needs a type such as timestamp:rfc3339, or a transform that answers nanoseconds")
      end
      timestamp = { parser = parser and timestamps.parser(parser) or timestamps.by(f.item.transform), field = f }
    elseif parser then
      bad(where, "the type " .. f.kind .. " is for Timestamp only")
    elseif f.item.transform then
      computed(f.item, f)
    else
      as_it_is(f.item, f)
    end
    for _, extra in ipairs(f.item.also or {}) do
      has_hostname = has_hostname or is_header(extra, "Hostname")
      if extra.transform then computed(extra, f) else as_it_is(extra, f) end
    end
  end
  if spec.hostname and not has_hostname then
    columns[#columns + 1] = { name = "Hostname", kind = L.CONST, flags = L.HEADER, value = spec.hostname }
  end
  local shape = shapes.intern {
    type = spec.type or "", logger = spec.logger or "", payload_is_record = spec.payload_is_record or false,
    columns = columns,
  }
  return { shape = shape, steps = steps, timestamp = timestamp, fields = walk.fields }
end

local OUT_OF_RECORD = "a pattern answered a position outside of its record"

local function emitter()
  local lines = {}
  return function(...)
    lines[#lines + 1] = string.format(...)
  end, lines
end

-- offset into the raw bytes, as source; `r` numbers the record within its group; `shift` is where the subject starts
local function offset(at, r)
  if at[1] == 0 then return string.format("i%d+(shift+%d)", r, at[2] - 1) end
  return string.format("v%d_%d+(shift+%d)", r, at[1], at[2] - 1)
end

-- Returns the source of the test that the positions of a record follow each other from its first byte to its end.
local function positions_test(plan_, r)
  local tests, before, stop = {}, { 0, 0 }, string.format("e%d", r)
  for _, f in ipairs(plan_.fields) do
    local from, to = offset(f.from, r), offset(f.to, r)
    local one = string.format("%s <= %s", from, to)
    if f.from[1] ~= before[1] then one = string.format("%s <= %s and %s", offset(before, r), from, one) end
    if f.optional then
      tests[#tests + 1] = string.format("(not v%d_%d or %s and %s <= %s)", r, f.optional, one, to, stop)
    else
      tests[#tests + 1], before = one, f.to
    end
  end
  tests[#tests + 1] = string.format("%s <= %s", offset(before, r), stop)
  return table.concat(tests, " and ")
end

local function store(emit, plan_, r)
  local slot = string.format("s%d", r)
  emit("if not (%s) then reason = %q break end", positions_test(plan_, r), OUT_OF_RECORD)
  emit("local o%d = cast(record_ptr, W.base + (out + %d))", r, (r - 1) * plan_.shape.bytes)
  emit("local %s = cast(slot_ptr, o%d + 1)", slot, r)
  emit("cast(u32_ptr, o%d)[0] = head o%d.flags = 0 o%d.raw_start = i%d+(shift-1) o%d.raw_end = e%d", r, r, r, r, r, r)
  for number, step in ipairs(plan_.steps) do
    local f = step.field
    local from, to, n = offset(f.from, r), offset(f.to, r), number - 1
    local close = ""
    if f.optional then
      emit("if not v%d_%d then %s[%d].bits = %s else", r, f.optional, slot, n, absent_literal(step.kind))
      close = "end"
    end
    if step.computed then
      emit("computed[%d](base, %s, %s, %s + %d)", number, from, to, slot, n)
    else
      emit("%s[%d].from = %s %s[%d].to = %s", slot, n, from, slot, n, to)
    end
    emit("%s", close)
  end
  local t = plan_.timestamp
  if t then
    local call = string.format("timestamp(base, %s, %s)", offset(t.field.from, r), offset(t.field.to, r))
    local failed = "reason = 'invalid timestamp' break"
    if t.field.optional then
      emit("if not v%d_%d then o%d.timestamp = now elseif %s then o%d.timestamp = value[0] else %s end", r,
        t.field.optional, r, call, r, failed)
    else
      emit("if not %s then %s end o%d.timestamp = value[0]", call, failed, r)
    end
  else
    emit("o%d.timestamp = now", r)
  end
end

local HEAD = [[
local match, cast, memchr, record_ptr, slot_ptr, u32_ptr, bytes_ptr, W, shape, pattern, computed, timestamp, value = ...
return function(s, base, shift, i1, delimiter, most_bytes, now, beat, ordinal, most)
  local reason, n = nil, #s
  local start = W.cursor
  local out = start
  local head = W.shape_number(shape) * 65536 + shape.words
  while i1 <= n and ordinal < most do
    if out > W.heap - W.shape_bytes - %d then break end
    beat[1] = ordinal
]]

-- source of the loop that takes `group` records at a time
local function source(walk, plan_, group)
  local emit, lines = emitter()
  local names = {}
  for r = 1, group do
    for c = 1, walk.captures do
      names[#names + 1] = string.format("v%d_%d", r, c)
    end
    if not walk.at then names[#names + 1] = string.format("v%d_end", r) end
  end
  emit(HEAD, 16384 + group * plan_.shape.bytes)
  if #names == 0 then names[1] = "matched" end
  emit("local %s = match(pattern, s, i1) if %s == nil then break end", table.concat(names, ", "), names[1])
  for r = 1, group do
    emit("local e%d = %s", r, walk.at and offset(walk.at, r) or string.format("v%d_end-1", r))
    emit("if cast(bytes_ptr, memchr(base + (i%d+(shift-1)), delimiter, n - i%d + 1)) - base ~= e%d", r, r, r)
    emit("or e%d - shift - i%d >= most_bytes then break end", r, r)
    emit("local i%d = e%d + (2 - shift)", r + 1, r)
    store(emit, plan_, r)
  end
  emit("out = out + %d ordinal = ordinal + %d i1 = i%d end", group * plan_.shape.bytes, group, group + 1)
  emit("W.cursor = out W.count = W.count + (out - start) / %d", plan_.shape.bytes)
  emit("return i1, ordinal, reason end")
  return table.concat(lines, "\n")
end

local SINGLE_HEAD = [[
local match, cast, memchr, record_ptr, slot_ptr, u32_ptr, bytes_ptr, W, shape, pattern, computed, timestamp, value = ...
return function(s, base, shift, now)
  local i1, e1, out, reason = 1, shift + #s, W.cursor, nil
  local head = W.shape_number(shape) * 65536 + shape.words
  repeat
]]

-- source of the function that takes one record by itself; it answers true, or false and perhaps a reason
local function single_source(walk, plan_)
  local emit, lines = emitter()
  local names = {}
  for c = 1, walk.captures do
    names[c] = "v1_" .. c
  end
  if not walk.at then names[#names + 1] = "v1_end" end
  if #names == 0 then names[1] = "matched" end
  emit("%s", SINGLE_HEAD)
  emit("local %s = match(pattern, s) if %s == nil then break end", table.concat(names, ", "), names[1])
  store(emit, plan_, 1)
  emit("W.cursor = W.cursor + %d W.count = W.count + 1 return true", plan_.shape.bytes)
  emit("until true return false, reason end")
  return table.concat(lines, "\n")
end

local function build(code, plan_, pattern)
  local computed = {}
  for number, step in ipairs(plan_.steps) do
    computed[number] = step.computed
  end
  local chunk = assert(loadstring(code, "=declared"))
  return chunk(lpeg.match, ffi.cast, ffi.C.memchr, L.record_ptr, L.slot_ptr, L.u32_ptr, L.bytes_ptr, W, plan_.shape,
    pattern, computed, plan_.timestamp and plan_.timestamp.parser, timestamps.value)
end

local function loop(walk, plan_, group, delimiter)
  local one = pattern_of(walk)
  if not walk.at then one = one * Cp() end
  one = one * P(delimiter)
  local whole = one
  for _ = 2, group do
    whole = whole * one
  end
  return build(source(walk, plan_, group), plan_, whole), whole
end

local function single(walk, plan_)
  local pattern = pattern_of(walk)
  if not walk.at then pattern = pattern * Cp() end
  pattern = pattern * -1
  return build(single_source(walk, plan_), plan_, pattern), pattern
end

-- LuaJIT has 200 locals a function, a few of which the loop needs
local function group_size(walk)
  return walk.captures * GROUP + 40 < 180 and GROUP or 1
end

-- spec: what declare_grammar was given, with the constant headers filled in by the host.
-- Answers a list of alternatives: {many = loop over groups, one = loop over records one by one, single = one record by itself, shape,
-- one_pattern and single_pattern: what the latter two match}.
-- many and one are called with (text, base, shift, i, delimiter, most_bytes, now, beat, ordinal, most): text is
-- the bytes from base[shift] on, i the record's first byte in it (from 1). They answer how far they came: i, ordinal.
function M.compile(spec, delimiter)
  if type(spec) ~= "table" or type(spec.alternatives) ~= "table" or not spec.alternatives[1] then
    bad("alternatives", "must be a list of at least one list of items")
  end
  local compiled = {}
  for a, items in ipairs(spec.alternatives) do
    local where = "alternative " .. a
    local walk = new_walk()
    add_items(walk, items, where)
    local plan_ = plan(walk, spec, where)
    local one, one_pattern = loop(walk, plan_, 1, delimiter)
    local alone, alone_pattern = single(walk, plan_)
    compiled[a] = {
      one = one, one_pattern = one_pattern, single = alone, single_pattern = alone_pattern, shape = plan_.shape,
      many = a == 1 and group_size(walk) > 1 and loop(walk, plan_, group_size(walk), delimiter) or one,
    }
  end
  return compiled
end

return M
