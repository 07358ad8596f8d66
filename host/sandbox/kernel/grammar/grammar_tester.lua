-- Shows how a grammar takes records apart: what it captures and where, and how far it got. For people who write grammars; a process that
-- does this does nothing else.
local ffi = require "ffi"
local C = require "channel"
local L = require "layout"
local calls = require "script_calls"
local cjson = require "cjson"
local declarations = require "declarations"
local pattern_tree = require "pattern_tree"
local pattern_watch = require "pattern_watch"

local M = {}

local MAX_DEPTH, MAX_VALUES, MAX_TEXT = 20, 2000, 4000 -- of the values that a match has made
local MEASURE_S, MAX_MATCHES = 0.002, 500

local match = pattern_tree.real.match

local left

local function shown(value, depth)
  left = left - 1
  if left < 0 then return "..." end
  local kind = type(value)
  if kind == "string" then return #value > MAX_TEXT and value:sub(1, MAX_TEXT) .. "..." or value end
  if kind == "number" and value == value and value < math.huge and value > -math.huge then return value end
  if kind == "boolean" then return value end
  if kind ~= "table" then return calls.text_of(value) end
  if depth > MAX_DEPTH then return "..." end
  local out = {}
  for k, v in next, value do
    out[calls.text_of(k)] = shown(v, depth + 1)
  end
  return out
end

-- values as JSON can have them
function M.shown(...)
  left = MAX_VALUES
  local out = {}
  for i = 1, select("#", ...) do
    out[i] = shown((select(i, ...)), 0)
  end
  return out
end

-- what one match costs, without marks; in_s: how long to measure
function M.nanoseconds(p, text, at, in_s)
  local clock, limit_s = os.clock, in_s or MEASURE_S
  local n, started = 0, clock()
  local now = started
  while n < MAX_MATCHES and now - started < limit_s do
    for _ = 1, 10 do
      match(p, text, at)
    end
    n, now = n + 10, clock()
  end
  return math.floor((now - started) / n * 1e9)
end

-- what a pattern makes of a text; names: how patterns are called that have a name, nil: as for the last text
function M.tried(pattern, text, names, wants_events)
  local out = pattern_watch.match(pattern, text, names, wants_events)
  out.values = out.matched and M.shown(match(pattern, text)) or {}
  return out
end

-- sends a document, as a batch of one
function M.answer(command, document, matched)
  local answer = cjson.encode(document)
  local slot, size, offset = C.slot()
  if #answer + 4 > size then
    answer = cjson.encode { matched = matched, too_large = true, furthest = document.furthest or 0 }
  end
  ffi.copy(slot, answer, #answer)
  ffi.cast(L.u32_ptr, slot + size - 4)[0] = #answer
  local r = C.report(C.EMIT, command.pack)
  r.kind, r.offset, r.bytes, r.count = C.EMIT_BATCH, offset, #answer, 1
  r = C.report(C.DONE, command.pack)
  r.received, r.matched = 1, matched and 1 or 0
  return 1
end

-- the bytes of a command, which has one record
function M.text_of(command)
  local base = C.address(command.raw_arena, command.raw_offset, command.raw_bytes)
  return ffi.string(base, command.raw_bytes - 1)
end

-- ---------------------------------------------------------------- the process

local pattern

-- load(lpeg, api) -> what the script has answered, and its globals: runs it with this LPEG and these functions
function M.open(load)
  local declared
  local watched = pattern_tree.watched_lpeg()
  pattern_tree.watch_operators()
  local answer, env = load(watched, { declare_grammar = function(spec) declared = pattern_tree.declared(declarations.grammar(spec)) end })
  pattern = declared or answer or rawget(env, "grammar")
  if type(pattern) == "table" or type(pattern) == "string" then pattern = pattern_tree.lift(pattern) end
  if not pattern_tree.is_pattern(pattern) then
    error("The script must return a pattern, set `grammar`, or call declare_grammar.", 0)
  end
end

-- command PACK: the one record of raw bytes
function M.run(command)
  local text = M.text_of(command)
  local out = M.tried(pattern, text)
  out.match_ns = M.nanoseconds(pattern, text)
  return M.answer(command, out, out.matched)
end

return M
