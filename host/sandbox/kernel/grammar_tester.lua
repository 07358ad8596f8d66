-- Shows how a grammar takes records apart: what it captures and where, and how far it got. For people who write grammars; a process that
-- does this does nothing else, so LPEG itself is changed here: every pattern exists twice, as it was written, and marked, so that it
-- tells where it was. What a look-ahead has seen tells nothing, so there the pattern as it was written is used.
local ffi = require "ffi"
local C = require "channel"
local L = require "layout"
local cjson = require "cjson"
local debug_getmetatable = debug.getmetatable
local lpeg = require "lpeg"

local M = {}

local MOST_NOTES = 1000 -- captures of a record that are told
local MOST_DEPTH, MOST_VALUES, MOST_TEXT = 20, 2000, 4000 -- of the values that a match has made
local MEASURE_S, MOST_MATCHES = 0.002, 500

local real = {} -- LPEG as it was
for name, f in pairs(lpeg) do
  real[name] = f
end
local P, type_of = real.P, real.type

-- ---------------------------------------------------------------- the two forms of a pattern

local plain_of = setmetatable({}, { __mode = "k" }) -- marked pattern -> as it was written

local subject, furthest, notes = "", 1, {}

local mark = real.Cmt(P(true), function(_, at)
  if at > furthest then furthest = at end
  return true
end)

local function pair(marked, plain)
  plain_of[marked] = plain
  return marked
end

local function plain(p)
  return plain_of[p] or p
end

local function is_pattern(x)
  return type_of(x) == "pattern"
end

-- what is not a pattern yet, as LPEG would make one of it
local function lift(x)
  if is_pattern(x) then return x end
  if type(x) == "table" then
    local marked, plains = {}, {}
    for k, v in pairs(x) do
      local rule = (k == 1 and type(v) == "string") and v or lift(v)
      marked[k], plains[k] = rule, rule
      if is_pattern(rule) then plains[k] = plain(rule) end
    end
    return pair(P(marked), P(plains))
  end
  local p = P(x)
  local takes = (type(x) == "string" and x ~= "") or (type(x) == "number" and x > 0)
  return takes and pair(p * mark, p) or p
end

-- ---------------------------------------------------------------- captures

local function note(name, from, to)
  if #notes < MOST_NOTES then notes[#notes + 1] = { name = name, start = from - 1, ["end"] = to - 1 } end
end

-- a pattern that notes what it has matched, and answers what it would have answered
local function noting(p, name)
  return real.Cp() * p * real.Cp() / function(from, ...)
    local n = select("#", ...)
    local to = select(n, ...)
    note(name, from, to)
    if n == 1 then return subject:sub(from, to - 1) end
    local values = { ... }
    return unpack(values, 1, n - 1)
  end
end

local function binary(operate)
  return function(a, b)
    a, b = lift(a), lift(b)
    return pair(operate(a, b), operate(plain(a), plain(b)))
  end
end

-- LPEG's own operators, before they are replaced
local of_patterns = debug_getmetatable(P(true))
local mul, add, sub, pow, unm, len, div =
  of_patterns.__mul, of_patterns.__add, of_patterns.__sub, of_patterns.__pow, of_patterns.__unm, of_patterns.__len, of_patterns.__div

local function replace_operators()
  of_patterns.__mul, of_patterns.__add = binary(mul), binary(add)
  of_patterns.__sub = function(a, b)
    a, b = lift(a), lift(b)
    return pair(sub(a, plain(b)), sub(plain(a), plain(b)))
  end
  of_patterns.__pow = function(p, n) return pair(pow(p, n), pow(plain(p), n)) end
  of_patterns.__unm = function(p) return unm(plain(p)) end
  of_patterns.__len = function(p) return len(plain(p)) end
  of_patterns.__div = function(p, f) return pair(div(p, f), div(plain(p), f)) end
end

local function capture(make)
  return function(p, ...)
    p = lift(p)
    return pair(make(p, ...), make(plain(p), ...))
  end
end

-- what `require "lpeg"` answers
local function instrumented()
  local out = {}
  for name, f in pairs(real) do
    out[name] = f
  end
  out.P = lift
  for _, name in ipairs { "S", "R" } do
    out[name] = function(...)
      local p = real[name](...)
      return pair(p * mark, p)
    end
  end
  out.B = function(p) return real.B(plain(lift(p))) end
  for _, name in ipairs { "Cf", "Cmt", "Ct" } do
    out[name] = capture(real[name])
  end
  out.C = function(p)
    p = lift(p)
    return pair(noting(real.C(p)), real.C(plain(p)))
  end
  out.Cs = function(p)
    p = lift(p)
    return pair(noting(real.Cs(p)), real.Cs(plain(p)))
  end
  out.Cg = function(p, name)
    p = lift(p)
    if name == nil then return pair(real.Cg(p), real.Cg(plain(p))) end
    return pair(real.Cg(noting(p, tostring(name)), name), real.Cg(plain(p), name))
  end
  out.match = function(p, ...) return real.match(plain(lift(p)), ...) end
  out.locale = function(to)
    local classes = real.locale(to)
    for name, p in pairs(classes) do
      if is_pattern(p) then classes[name] = pair(p * mark, p) end
    end
    return classes
  end
  return out
end

-- ---------------------------------------------------------------- declared grammars

local items_pattern

local function item_pattern(item)
  if type(item) == "string" or is_pattern(item) then return lift(item) end
  if type(item) ~= "table" then error("declare_grammar: an item is text, a pattern, a field or {optional = {...}}", 0) end
  if item.optional then return items_pattern(item.optional) ^ -1 end
  if not item.name or not item.grammar then error("declare_grammar: a field needs a name and a grammar", 0) end
  local p = lift(item.grammar)
  return pair(noting(p, tostring(item.name)), real.Cg(real.C(plain(p)), tostring(item.name)))
end

function items_pattern(items)
  local p = P(true)
  for _, item in ipairs(items) do
    p = p * item_pattern(item)
  end
  return p
end

-- as the kernel takes it: the first alternative that matches the whole record
local function declared_pattern(spec)
  local p
  for _, items in ipairs(spec.alternatives or {}) do
    local one = items_pattern(items) * -P(1)
    p = p and p + one or one
  end
  if not p then error("declare_grammar: `alternatives` must be a list of at least one list of items", 0) end
  return pair(real.Ct(p), real.Ct(plain(p)))
end

-- ---------------------------------------------------------------- the process

local pattern

-- load(lpeg, api) -> what the script has answered, and its globals: runs it with this LPEG and these functions
function M.open(load)
  local declared
  local changed = instrumented()
  replace_operators()
  local answer, env = load(changed, { declare_grammar = function(spec) declared = declared_pattern(spec) end })
  pattern = declared or answer or env.grammar
  if type(pattern) == "table" or type(pattern) == "string" then pattern = lift(pattern) end
  if not is_pattern(pattern) then
    error("The script must return a pattern, set `grammar`, or call declare_grammar.", 0)
  end
end

local left

local function shown(value, depth)
  left = left - 1
  if left < 0 then return "..." end
  local kind = type(value)
  if kind == "string" then return #value > MOST_TEXT and value:sub(1, MOST_TEXT) .. "..." or value end
  if kind == "number" and value == value and value < math.huge and value > -math.huge then return value end
  if kind == "boolean" then return value end
  if kind ~= "table" then return tostring(value) end
  if depth > MOST_DEPTH then return "..." end
  local out = {}
  for k, v in pairs(value) do
    out[tostring(k)] = shown(v, depth + 1)
  end
  return out
end

local function matched(text)
  subject, furthest, notes = text, 1, {}
  local values = { real.match(plain(pattern), text) }
  local to = real.match(plain(pattern) / 0 * real.Cp(), text)
  real.match(pattern, text)
  left = MOST_VALUES
  local out = { matched = to ~= nil, captures = notes, furthest = math.max(furthest, to or 1) - 1, values = {} }
  if to then
    out["end"] = to - 1
    for i, value in ipairs(values) do
      out.values[i] = shown(value, 0)
    end
  else
    out.captures = {}
  end
  return out
end

-- what one match costs, without the marks
local function nanoseconds(text)
  local p, match, clock = plain(pattern), real.match, os.clock
  local n, started = 0, clock()
  local now = started
  while n < MOST_MATCHES and now - started < MEASURE_S do
    for _ = 1, 10 do
      match(p, text)
    end
    n, now = n + 10, clock()
  end
  return math.floor((now - started) / n * 1e9)
end

-- command PACK: the one record of raw bytes; answers a batch of one document
function M.run(command)
  local base = C.address(command.raw_arena, command.raw_offset, command.raw_bytes)
  local text = ffi.string(base, command.raw_bytes - 1)
  local out = matched(text)
  out.match_ns = nanoseconds(text)
  local answer = cjson.encode(out)
  local slot, size, offset = C.slot()
  if #answer + 4 > size then answer = cjson.encode { matched = out.matched, too_large = true, furthest = out.furthest } end
  ffi.copy(slot, answer, #answer)
  ffi.cast(L.u32_ptr, slot + size - 4)[0] = #answer
  local r = C.report(C.EMIT, command.pack)
  r.kind, r.offset, r.bytes, r.count = C.EMIT_BATCH, offset, #answer, 1
  r = C.report(C.DONE, command.pack)
  r.received, r.matched = 1, out.matched and 1 or 0
  return 1
end

return M
