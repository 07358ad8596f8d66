-- Looks at packs for people: says which records some matchers accept, a few for each. It changes nothing and sends no record; the
-- host reads those that it is told of.
local ffi = require "ffi"
local C = require "channel"
local L = require "layout"
local calls = require "script_calls"
local cjson = require "cjson"
local filter = require "filter"
local matcher = require "matcher"
local shapes = require "shapes"

local M = {}

local MAX_FOUND = 16 -- records of a pack, for each matcher

local beat
local matchers = {} -- number -> matcher; those with a fault are missing
local count, packs = 0, 0

-- a matcher that accepts what two accept
local function both(a, b)
  return function(shape)
    local of_a, of_b = a(shape), b(shape)
    if of_a == true or not of_b then return of_b end
    if of_b == true or not of_a then return of_a end
    return function(...) return of_a(...) and of_b(...) end
  end
end

local function compile(texts)
  local made = matcher.new(texts[1])
  for i = 2, #texts do
    made = both(made, matcher.new(texts[i]))
  end
  return made
end

-- expressions: a list of lists, of which all must accept a record; one with a fault is told as a print,
-- {"matcher": index from 0, "problem": text}
function M.open(expressions, heartbeat)
  beat, count = heartbeat, #expressions
  for i, texts in ipairs(expressions) do
    local ok, made = pcall(compile, texts)
    if ok then
      matchers[i] = made
    else
      C.text(C.PRINT, cjson.encode { matcher = i - 1, problem = calls.text_of(made) })
    end
  end
end

-- where the record `start` of a pack lies, so that not always the first ones are shown
local function skip_to(header, pack, start)
  local at = header.records_start
  for _ = 1, start do
    at = at + ffi.cast(L.record_ptr, pack + at).words * 8
  end
  return at
end

-- looks at the records from ordinal `from`, at `at`, to `to`; answers how many are found then
local function look(tests, raw, pack, at, from, to, found, found_count)
  for _ = from, to - 1 do
    local record = ffi.cast(L.record_ptr, pack + at)
    local test = tests[record.shape]
    if test == true or (test and test(record, raw, pack)) then
      found[found_count] = at
      found_count = found_count + 1
      if found_count == MAX_FOUND then break end
    end
    at = at + record.words * 8
  end
  return found_count
end

local found = ffi.new("uint32_t[?]", MAX_FOUND)

-- command PACK: for each matcher, the places of some records that it accepts, as pairs of u32: matcher, place in the pack
function M.run(command)
  local header, raw, pack = filter.open_pack(command)
  local list = shapes.of_pack(pack)
  packs = packs + 1
  local start = (packs * 7919) % header.record_count
  local at = skip_to(header, pack, start)
  local base, offset, _
  local told = 0
  for i = 1, count do
    beat[1] = i
    local tests = matchers[i] and filter.tests_of(list, header.shape_count, matchers[i])
    if tests and tests.any then
      local n = look(tests, raw, pack, at, start, header.record_count, found, 0)
      if n < MAX_FOUND then n = look(tests, raw, pack, header.records_start, 0, start, found, n) end
      for k = 0, n - 1 do
        if not base then
          base, _, offset = C.slot()
        end
        local pair = ffi.cast(L.u32_ptr, base + told * 8)
        pair[0], pair[1] = i - 1, found[k]
        told = told + 1
      end
    end
  end
  if told > 0 then
    local r = C.report(C.EMIT, command.pack)
    r.kind, r.offset, r.bytes, r.count = C.EMIT_BATCH, offset, told * 8, told
  end
  local r = C.report(C.DONE, command.pack)
  r.received, r.matched = header.record_count, told
  return header.record_count
end

return M
