-- The message matcher: from the syntax tree (matcher_syntax.lua) to one compiled function per shape.
-- What a shape settles by itself (its Type, its Logger, a field it lacks) is folded away when it is compiled, so a
-- matcher that cannot match a shape costs nothing per record.
local ffi = require "ffi"
local bit = require "bit"
local L = require "layout"
local numbers = require "numbers"
local regex = require "regex"
local exactly = require "matcher_numbers"
local needs = require "matcher_needs"
local sets = require "matcher_sets"
local syntax = require "matcher_syntax"
local values = require "values"

local M = {}

ffi.cdef "void *memmem(const void *h, size_t hn, const void *n, size_t nn);"

local relation = exactly.relation

local RELATIONS = { ["=="] = true, ["!="] = true, ["<"] = true, ["<="] = true, [">"] = true, [">="] = true }

-- ---------------------------------------------------------------- code

-- `k` holds what the code refers to: literals, readers, tests of regular expressions
local MAX_LOCALS = 40

local function new_code()
  local code = { k = {}, count = 0 }
  function code.constant(v)
    code.count = code.count + 1
    code.k[code.count] = v
    -- a function has at most 60 upvalues: the first constants are locals, the others are looked up
    return (code.count <= MAX_LOCALS and "k%d" or "k[%d]"):format(code.count)
  end
  return code
end

local TRUE, FALSE = "true", "false"

local function variable_of(var)
  return var.kind == "field" and "Fields[" .. var.name .. "]" or var.name
end

local function column_of(shape, var)
  local list = shape.occurrences[variable_of(var)]
  return list and shape.columns[list[(var.fi or 0) + 1] or 0]
end

local function read(code, shape, var)
  return string.format("%s(record, raw, pack)",
    code.constant(values.reader(shape, variable_of(var), var.fi or 0, var.ai or 0)))
end

-- the bytes of a column that holds plain positions, as source: base, from, to
local function positions(column)
  local base = bit.band(column.flags, L.IN_HEAP) ~= 0 and "pack" or "raw"
  local slot = string.format("slots[%d]", column.slot)
  local present = bit.band(column.flags, L.OPTIONAL) ~= 0 and
    string.format("%s.bits ~= %s and ", slot, values.absent_literal(column.kind)) or ""
  return base, slot, present
end

local function string_equality(code, column, op, text)
  local base, slot, present = positions(column)
  local equal = string.format("(%s.to - %s.from == %d and memcmp(%s + %s.from, %s, %d) == 0)", slot, slot, #text, base, slot,
    code.constant(text), #text)
  return string.format("(%s%s%s)", present, op == "!=" and "not " or "", equal)
end

local function lua_operator(op)
  return op == "!=" and "~=" or op
end

-- compares digits that may be more than an int64 holds: then they are beyond any literal that is one
local function wide_comparison(op, value)
  local int64_op, literal = exactly.against_int64(op, value)
  return function(base, from, to)
    local v = numbers.exact_int64(base, from, to)
    if not v and value.integer then return relation(op, base[from] == 45 and -1 or 1, 0) end
    if not v then return relation(op, numbers.read(base, from, to), value.number) end
    if not int64_op then return literal end
    return relation(int64_op, v, literal)
  end
end

-- an integer of up to 15 digits is exact as a Lua number; longer ones, on either side, are compared as int64
local function integer_comparison(code, column, op, value)
  local base, slot, present = positions(column)
  local narrow = string.format("read(%s, %s.from, %s.to) %s %s", base, slot, slot, lua_operator(op), code.constant(value.number))
  local wide = string.format("%s(%s, %s.from, %s.to)", code.constant(wide_comparison(op, value)), base, slot, slot)
  if math.abs(value.number) >= 1e15 then return string.format("(%s%s)", present, wide) end
  return string.format("(%s(%s.to - %s.from <= 15 and %s or %s.to - %s.from > 15 and %s))", present, slot, slot, narrow,
    slot, slot, wide)
end

-- of an int64 that stands in the record, as source
local function int64_comparison(code, place, op, value)
  local int64_op, literal = exactly.against_int64(op, value)
  if not int64_op then return tostring(literal) end
  return string.format("%s %s %s", place, lua_operator(int64_op), code.constant(literal))
end

local function int64_slot_comparison(code, column, op, value)
  local _, slot, present = positions(column)
  return string.format("(%s%s)", present, int64_comparison(code, slot .. ".integer", op, value))
end

local function generic(code, shape, var, op, literal)
  local compare = code.constant(function(v)
    return type(v) == type(literal) and relation(op, v, literal)
  end)
  return string.format("%s(%s)", compare, read(code, shape, var))
end

local HAS_INTEGERS = { [L.INTEGER] = true, [L.INTEGER_TEXT] = true, [L.ARRAY] = true, [L.JSON_VALUE] = true }

-- a test of what a variable is, as source. Numbers beyond 2^53 come as int64 where they are integers.
local function exact_test(code, shape, var, test)
  local column, ai = column_of(shape, var), var.ai or 0
  local has_integers = column and HAS_INTEGERS[column.kind]
  local check = code.constant(function(v, record, raw, pack)
    if has_integers and type(v) == "number" and (v >= numbers.SAFE or v <= -numbers.SAFE) then
      v = values.exact_number(column, ai, v, record, raw, pack)
    end
    return test(v)
  end)
  return string.format("%s(%s, record, raw, pack)", check, read(code, shape, var))
end

-- numbers of other kinds: doubles, and elements of arrays
local function number_comparison(code, shape, var, op, value)
  if exactly.is_exact(value) then return generic(code, shape, var, op, value.number) end
  return exact_test(code, shape, var, exactly.test(op, value))
end

local function field_comparison(code, shape, var, op, value)
  local column = column_of(shape, var)
  if not column then return FALSE end
  local plain = (var.ai or 0) == 0
  local kind = column.kind
  if value.type == "string" then
    if plain and (kind == L.STRING or kind == L.BYTES) and (op == "==" or op == "!=") then
      return string_equality(code, column, op, value.text)
    end
    return generic(code, shape, var, op, value.text)
  elseif value.type == "number" then
    if plain and kind == L.INTEGER_TEXT then return integer_comparison(code, column, op, value) end
    if plain and kind == L.INTEGER then return int64_slot_comparison(code, column, op, value) end
    return number_comparison(code, shape, var, op, value)
  end
  return generic(code, shape, var, op, value.bool)
end

local function exists(code, shape, var)
  if var.kind == "header" then
    if var.name == "Pid" then return column_of(shape, var) and string.format("(%s ~= nil)", read(code, shape, var)) or FALSE end
    if var.name == "Timestamp" or var.name == "Uuid" or var.name == "Severity" then return TRUE end
    return string.format("(%s ~= '')", read(code, shape, var))
  end
  local column = column_of(shape, var)
  if not column then return FALSE end
  if bit.band(column.flags, L.OPTIONAL) == 0 and column.kind ~= L.ARRAY and column.kind ~= L.JSON_VALUE and (var.ai or 0) == 0 then
    return TRUE
  end
  return string.format("(%s ~= nil)", read(code, shape, var))
end

local function fold(op, v, literal)
  return relation(op, v, literal) and TRUE or FALSE
end

-- whether the record lacks the column, as source
local function is_absent(column)
  return string.format("slots[%d].bits == %s", column.slot, values.absent_literal(column.kind))
end

local DEFAULTS = { Severity = 7, Hostname = "", EnvVersion = "", Payload = "" }

-- whether a record that lacks an optional header passes, since its default does
local function absent_header_passes(column, var, op, value)
  if bit.band(column.flags, L.OPTIONAL) == 0 then return false end
  local default, literal = DEFAULTS[var.name], value.type == "string" and value.text or value.number
  return type(default) == type(literal) and relation(op, default, literal)
end

local function header_comparison(code, shape, var, op, value)
  if var.name == "Timestamp" then
    return "(" .. int64_comparison(code, "record.timestamp", op, value) .. ")"
  end
  if value.type == "string" and (var.name == "Type" or var.name == "Logger") then
    return fold(op, var.name == "Type" and shape.type or shape.logger, value.text)
  end
  local column = column_of(shape, var)
  if column and column.kind == L.CONST and value.type == "string" then return fold(op, column.value, value.text) end
  if column then
    local compare = field_comparison(code, shape, var, op, value)
    return absent_header_passes(column, var, op, value) and string.format("(%s or %s)", compare, is_absent(column)) or compare
  end
  return generic(code, shape, var, op, value.type == "string" and value.text or value.number)
end

local function comparison(code, shape, node)
  local var, value, op = node.var, node.value, node.op
  if value.type == "nil" then
    local e = exists(code, shape, var)
    if op == "!=" then return e end
    if e == TRUE then return FALSE end
    if e == FALSE then return TRUE end
    return "(not " .. e .. ")"
  end
  if var.kind == "header" then return header_comparison(code, shape, var, op, value) end
  return field_comparison(code, shape, var, op, value)
end

local LITERAL_TESTS = {
  equals = function(s, l) return s == l end,
  prefix = function(s, l) return #s >= #l and ffi.C.memcmp(s, l, #l) == 0 end,
  suffix = function(s, l) return l == "" or s:sub(-#l) == l end,
  contains = function(s, l) return s:find(l, 1, true) ~= nil end,
}

-- tests over the bytes, without making a string of them
local BYTE_TESTS = {
  equals = "(%s.to - %s.from == %d and memcmp(%s + %s.from, %s, %d) == 0)",
  prefix = "(%s.to - %s.from >= %d and memcmp(%s + %s.from, %s, %d) == 0)",
}

local function regex_on_bytes(code, column, node, compiled)
  local base, slot, present = positions(column)
  local negate = node.op == "!~" and "not " or ""
  local literal, n = code.constant(compiled.literal), #compiled.literal
  if BYTE_TESTS[compiled.kind] then
    return string.format("(%s%s" .. BYTE_TESTS[compiled.kind] .. ")", present, negate, slot, slot, n, base, slot, literal, n)
  elseif compiled.kind == "suffix" then
    return string.format("(%s%s(%s.to - %s.from >= %d and memcmp(%s + %s.to - %d, %s, %d) == 0))", present, negate, slot, slot,
      n, base, slot, n, literal, n)
  end
  return string.format("(%s%s(memmem(%s + %s.from, %s.to - %s.from, %s, %d) ~= nil))", present, negate, base, slot, slot, slot,
    literal, n)
end

local function regex_test(code, shape, node)
  local column = column_of(shape, node.var)
  if node.var.kind == "field" and not column then return FALSE end
  local compiled = assert(regex.compile(node.value.text))
  local optional_header = column and node.var.kind == "header" and bit.band(column.flags, L.OPTIONAL) ~= 0
  local plain = column and not optional_header and (node.var.ai or 0) == 0 and (column.kind == L.STRING or column.kind == L.BYTES)
  if plain and compiled.literal then return regex_on_bytes(code, column, node, compiled) end
  local literal_test, literal = LITERAL_TESTS[compiled.kind], compiled.literal
  local test = literal_test and function(s) return literal_test(s, literal) end or compiled.test
  local wanted = node.op == "=~"
  local check = code.constant(function(v) return type(v) == "string" and test(v) == wanted end)
  return string.format("%s(%s)", check, read(code, shape, node.var))
end

local generate

-- so many values of `in` are compared one by one, while the function has no more constants than that
local MAX_VALUES, MAX_CONSTANTS = 32, 300

local function lookup(code, shape, node)
  local var = node.var
  local set = node.set or sets.of(node.values)
  node.set = set
  if var.kind == "header" and (var.name == "Type" or var.name == "Logger") then
    return set.texts[var.name == "Type" and shape.type or shape.logger] and TRUE or FALSE
  end
  if var.kind == "field" and not column_of(shape, var) then return FALSE end
  local function test(v) return sets.has(set, v) end
  if var.kind == "header" and var.name == "Timestamp" then return code.constant(test) .. "(record.timestamp)" end
  return exact_test(code, shape, var, test)
end

local function membership(code, shape, node)
  if #node.values > MAX_VALUES or code.count > MAX_CONSTANTS then return lookup(code, shape, node) end
  local parts = {}
  for _, value in ipairs(node.values) do
    local part = generate(code, shape, { op = "==", var = node.var, value = value })
    if part == TRUE then return TRUE end
    if part ~= FALSE then parts[#parts + 1] = part end
  end
  if #parts == 0 then return FALSE end
  return "(" .. table.concat(parts, " or ") .. ")"
end

function generate(code, shape, node)
  local op = node.op
  if op == "true" then return TRUE elseif op == "false" then return FALSE end
  if op == "not" then
    local e = generate(code, shape, node.expr)
    return e == TRUE and FALSE or e == FALSE and TRUE or "(not " .. e .. ")"
  elseif op == "and" then
    local a = generate(code, shape, node.left)
    if a == FALSE then return FALSE end
    local b = generate(code, shape, node.right)
    if b == FALSE or a == TRUE then return b end
    return b == TRUE and a or "(" .. a .. " and " .. b .. ")"
  elseif op == "or" then
    local a = generate(code, shape, node.left)
    if a == TRUE then return TRUE end
    local b = generate(code, shape, node.right)
    if b == TRUE or a == FALSE then return b end
    return b == FALSE and a or "(" .. a .. " or " .. b .. ")"
  elseif op == "in" then
    return membership(code, shape, node)
  elseif RELATIONS[op] then
    return comparison(code, shape, node)
  end
  return regex_test(code, shape, node)
end

local function compile(ast, shape)
  local code = new_code()
  local expression = generate(code, shape, ast)
  if expression == FALSE then return false end
  if expression == TRUE then return true end
  local names = {}
  for i = 1, math.min(code.count, MAX_LOCALS) do
    names[i] = "k" .. i
  end
  local locals = #names > 0 and "local " .. table.concat(names, ", ") .. " = unpack(k)\n" or ""
  local source = "local k, cast, slot_ptr, memcmp, memmem, read = ...\n" .. locals ..
    "return function(record, raw, pack)\nlocal slots = cast(slot_ptr, record + 1)\nreturn " .. expression .. "\nend"
  local chunk = assert(loadstring(source, "=matcher"))
  return chunk(code.k, ffi.cast, L.slot_ptr, ffi.C.memcmp, ffi.C.memmem, numbers.read)
end

local function raise(problem)
  error("message_matcher: " .. problem, 0)
end

-- text: a matcher expression. Answers a function: shape -> true, false, or test(record, raw, pack) -> boolean; and what it needs
-- (matcher_needs.lua). Calls `invalid` with the problem if the text is no expression; by default raises it as an error.
function M.new(text, invalid)
  local ast, err = syntax.parse(text, regex.compile)
  if not ast then (invalid or raise)(err.message) end
  local compiled = setmetatable({}, { __mode = "k" })
  return function(shape)
    local test = compiled[shape]
    if test == nil then
      test = compile(ast, shape)
      compiled[shape] = test
    end
    return test
  end, needs.of(ast)
end

return M
