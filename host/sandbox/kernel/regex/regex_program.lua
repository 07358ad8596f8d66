-- From a regular expression's tree to a program for the automaton.
--
--   build(node) -> program | nil, {message=, offset=}
--
-- program.op[pc]:
--   "byte"    consume a byte of class set program.set[pc], go on at program.to[pc]
--   "split"   go on at program.to[pc] and at program.other[pc]
--   "assert"  if program.what[pc] holds between two bytes, go on at program.to[pc]
--   "match"
-- Bytes that no part of the pattern tells apart share a class: program.class[byte]
-- is 0 .. program.classes-1. Sets are sets of classes. program.first is the start.

local sets = require "regex_sets"

local MAX_SIZE = 20000          -- instructions; keeps a set of states small

local TOO_LARGE = {message = "the pattern is too large when its repetitions are written out", offset = 1}

-- ---------------------------------------------------------------- classes --

-- Every distinct set of the tree, and those that the assertions look at.
local function collect_sets(node, found)
  if node.kind == "set" then
    found[node.set] = true
  elseif node.kind == "assert" then
    if node.what:find("word", 1, true) then found[sets.word] = true end
    if node.what:find("line", 1, true) then found[sets.range(10, 10)] = true end
  elseif node.kind == "repeat" then
    collect_sets(node.item, found)
  else
    for _, child in ipairs(node) do collect_sets(child, found) end
  end
  return found
end

-- Splits every class by `set`: members get a new number, keyed by the old one.
local function refine(class, set, count)
  local renamed = {}
  for byte = 0, 255 do
    if set[byte] then
      local old = class[byte]
      if not renamed[old] then
        renamed[old], count = count, count + 1
      end
      class[byte] = renamed[old]
    end
  end
  return count
end

local function number_densely(class)
  local number, count = {}, 0
  for byte = 0, 255 do
    local old = class[byte]
    if not number[old] then
      number[old], count = count, count + 1
    end
    class[byte] = number[old]
  end
  return count
end

local function classify(node)
  local class, count = {}, 1
  for byte = 0, 255 do class[byte] = 0 end
  for set in pairs(collect_sets(node, {})) do count = refine(class, set, count) end
  return class, number_densely(class)
end

local function class_set(program, set)
  local known = program.class_sets[set]
  if known then return known end
  local classes = {}
  for byte in pairs(set) do classes[program.class[byte]] = true end
  program.class_sets[set] = classes
  return classes
end

-- --------------------------------------------------------------- emission --

local function add(program, op, to)
  local pc = #program.op + 1
  if pc > MAX_SIZE then error(TOO_LARGE, 0) end
  program.op[pc], program.to[pc] = op, to
  return pc
end

local emit

local EMIT = {}

function EMIT.set(program, node, to)
  local pc = add(program, "byte", to)
  program.set[pc] = class_set(program, node.set)
  return pc
end

EMIT["assert"] = function(program, node, to)
  local pc = add(program, "assert", to)
  program.what[pc] = node.what
  return pc
end

function EMIT.cat(program, node, to)
  for i = #node, 1, -1 do to = emit(program, node[i], to) end
  return to
end

function EMIT.alt(program, node, to)
  local first = emit(program, node[#node], to)
  for i = #node - 1, 1, -1 do
    local pc = add(program, "split", emit(program, node[i], to))
    program.other[pc] = first
    first = pc
  end
  return first
end

EMIT["repeat"] = function(program, node, to)
  if not node.max then
    local loop = add(program, "split", 0)
    program.other[loop] = to
    program.to[loop] = emit(program, node.item, loop)
    to = loop
  else
    local done = to
    for _ = node.min + 1, node.max do
      local pc = add(program, "split", emit(program, node.item, to))
      program.other[pc] = done
      to = pc
    end
  end
  for _ = 1, node.min do to = emit(program, node.item, to) end
  return to
end

-- Writes the instructions of `node`, which go on at `to`; the answer is their start.
function emit(program, node, to)
  return EMIT[node.kind](program, node, to)
end

-- A search may begin anywhere: the pattern, or any byte and the same again.
local function search_start(program, first)
  local loop = add(program, "split", first)
  local any = add(program, "byte", loop)
  program.set[any] = class_set(program, sets.all)
  program.other[loop] = any
  return loop
end

local function begins_at_text_start(node)
  if node.kind == "assert" then return node.what == "text_start" end
  if node.kind == "cat" then return node[1] ~= nil and begins_at_text_start(node[1]) end
  return false
end

local function build(node)
  local class, classes = classify(node)
  local program = {
    op = {}, to = {}, other = {}, set = {}, what = {},
    class = class, classes = classes, class_sets = {},
  }
  local ran, problem = pcall(function()
    local first = emit(program, node, add(program, "match", 0))
    program.first = begins_at_text_start(node) and first or search_start(program, first)
  end)
  if not ran and problem ~= TOO_LARGE then error(problem, 0) end
  if not ran then return nil, problem end
  return program
end

return {build = build}
