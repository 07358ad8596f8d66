-- Regular expressions of the message matcher: Perl and RE2's syntax on bytes.
--
--   compile(pattern) -> regex | nil, {message=, offset=}
--   regex.kind     "equals" | "prefix" | "suffix" | "contains" | "automaton"
--   regex.literal  the bytes to compare with, for all kinds but the last
--   regex.test(text) -> boolean                 does it match anywhere in text?
--   regex.test_bytes(pointer, from, to) -> boolean   (only "automaton") the same
--                  without a string, on an FFI pointer to bytes; `to` is not included
--
-- Matching takes linear time in the text whatever the pattern is: plain text
-- and anchors become comparisons, anything else an automaton (never a search
-- that backtracks, so no record can stall a consumer). Backreferences and
-- lookaround cannot be had that way and are refused. A `$` is the very end of
-- the text, as in RE2: a newline at the end is not skipped.

local syntax = require "regex_syntax"
local program = require "regex_program"
local automaton = require "regex_automaton"

local find, sub = string.find, string.sub

-- --------------------------------------------------------------- literals --

local function is_assert(node, what)
  return node ~= nil and node.kind == "assert" and node.what == what
end

-- Parts of a pattern in a row: those of sequences within sequences too.
local function flatten(node, parts)
  if node.kind ~= "cat" then
    parts[#parts + 1] = node
    return parts
  end
  for _, child in ipairs(node) do flatten(child, parts) end
  return parts
end

-- At the ends of a search, what may be empty adds nothing: .*abc is abc.
local function drop_empty_ends(parts)
  local function may_be_empty(part)
    return part ~= nil and part.kind == "repeat" and part.min == 0
  end
  while may_be_empty(parts[1]) do table.remove(parts, 1) end
  while may_be_empty(parts[#parts]) do table.remove(parts) end
end

-- Kind and text when the pattern is plain text with or without anchors.
local function as_literal(node)
  local parts = flatten(node, {})
  drop_empty_ends(parts)
  local at_start = is_assert(parts[1], "text_start")
  if at_start then table.remove(parts, 1) end
  local at_end = is_assert(parts[#parts], "text_end")
  if at_end then table.remove(parts) end
  local chars = {}
  for i, part in ipairs(parts) do
    if not part.byte then return nil end
    chars[i] = string.char(part.byte)
  end
  local kind = at_start and (at_end and "equals" or "prefix") or (at_end and "suffix" or "contains")
  return kind, table.concat(chars)
end

-- ------------------------------------------------------------------ tests --

local TESTS = {}

function TESTS.equals(literal)
  return function(text) return text == literal end
end

function TESTS.prefix(literal)
  local length = #literal
  return function(text) return sub(text, 1, length) == literal end
end

function TESTS.suffix(literal)
  local length = #literal
  return function(text) return length == 0 or sub(text, -length) == literal end
end

function TESTS.contains(literal)
  return function(text) return find(text, literal, 1, true) ~= nil end
end

local function automaton_regex(node)
  local instructions, problem = program.build(node)
  if not instructions then return nil, problem end
  local machine = automaton.new(instructions)
  return {
    kind = "automaton",
    test = function(text) return automaton.run_string(machine, text) end,
    test_bytes = function(bytes, from, to) return automaton.run_bytes(machine, bytes, from, to) end,
  }
end

local function compile(pattern)
  local node, problem = syntax.parse(pattern)
  if not node then return nil, problem end
  local kind, literal = as_literal(node)
  if kind then return {kind = kind, literal = literal, test = TESTS[kind](literal)} end
  return automaton_regex(node)
end

return {compile = compile}
