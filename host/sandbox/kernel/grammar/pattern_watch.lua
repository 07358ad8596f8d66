-- Matches a record and tells how: what was captured where, how far it got, which rules were tried. A pattern is made again from its tree
-- (pattern_tree.lua) with marks in it, which tell where the match is. What a look-ahead sees tells nothing.
local tree = require "pattern_tree"

local real, operators = tree.real, tree.operators
local P, Cmt, Cp = real.P, real.Cmt, real.Cp
local node, is_leaf = tree.node, tree.is_leaf
local select, unpack = select, unpack

local M = {}

local MAX_NOTES, MAX_EVENTS = 1000, 2000

-- ---------------------------------------------------------------- what happens in a match

local subject, furthest, notes, expected, path, quiet, events, furthest_path

local function begin(text, wants_events)
  subject, furthest, notes, expected, path, quiet, furthest_path = text, 1, {}, {}, {}, 0, {}
  events = wants_events and {} or nil
end

local function event(what, name, from, to)
  if events and quiet == 0 and #events < MAX_EVENTS then
    events[#events + 1] = { what = what, name = name, depth = #path, start = from - 1, ["end"] = to and to - 1 or nil }
  end
end

-- a pattern that only calls a function, and goes on
local function act(f)
  return Cmt(P(true), function(_, at)
    f(at)
    return true
  end)
end

-- a pattern that calls a function, and fails
local function fail(f)
  return Cmt(P(true), function(_, at)
    f(at)
    return false
  end) * P(false)
end

local function reached(at)
  if quiet > 0 or at <= furthest then return end
  furthest, expected, furthest_path = at, {}, {}
end

local function missed(what, at)
  if quiet > 0 or at < furthest then return end
  reached(at)
  if not expected[what] then
    expected[what], expected[#expected + 1] = true, what
    if #path >= #furthest_path then furthest_path = { unpack(path) } end
  end
end

-- ---------------------------------------------------------------- marked patterns

local function leaf(p)
  local what = tree.word(p) or "what a pattern made elsewhere takes"
  local from
  local begun = act(function(at) from = at end)
  local text = node(p).op == "text"
  return begun * p * act(function(at)
    reached(at)
    if text then event("match", what, from, at) end
  end) + fail(function(at)
    missed(what, at)
    if text then event("fail", what, at) end
  end)
end

-- bytes of a kind, so many or more: told once behind them, not for each
local function leaves(p, count)
  local what = tree.word(p) or "what a pattern made elsewhere takes"
  local all = operators.pow(p, count) * act(function(at)
    reached(at)
    missed(what, at)
  end)
  if count == 0 then return all end
  return all + operators.pow(leaf(p), count) * P(false)
end

-- inside of a look-ahead nothing is told; what it answers is
local function looking(look, p)
  local what = tree.word(p)
  local silent, loud = act(function() quiet = quiet + 1 end), act(function() quiet = quiet - 1 end)
  return silent * (look * loud + fail(function(at)
    quiet = quiet - 1
    if what then missed(what, at) end
  end))
end

local function scoped(name, p)
  local starts = {}
  return act(function(at)
    event("enter", name, at)
    path[#path + 1], starts[#starts + 1] = name, at
  end) * p * act(function(at)
    path[#path] = nil
    event("match", name, starts[#starts], at)
    starts[#starts] = nil
  end) + fail(function(at)
    path[#path], starts[#starts] = nil, nil
    event("fail", name, at)
  end)
end

local TYPES = { string = "string", number = "number", boolean = "bool", table = "table" }

local function note(name, kind, from, to, value)
  if #notes < MAX_NOTES then
    notes[#notes + 1] = { name = name, start = from - 1, ["end"] = to - 1, type = kind or TYPES[type(value)] }
  end
end

-- a pattern that notes what it has matched, and answers what it would have answered
local function noting(p, name, kind)
  return operators.div(Cp() * p * Cp(), function(from, ...)
    local n = select("#", ...)
    local to = select(n, ...)
    if n == 1 then
      note(name, kind, from, to, "")
      return subject:sub(from, to - 1)
    end
    local values = { ... }
    note(name, kind, from, to, values[1])
    return unpack(values, 1, n - 1)
  end)
end

local mark -- pattern -> the same with marks

local function marked_chain(p, op, operate)
  local parts = {}
  for i, part in ipairs(tree.chain(p, op)) do
    parts[i] = mark(part)
  end
  return tree.joined(operate, parts)
end

local MARKS = {
  seq = function(_, p) return marked_chain(p, "seq", operators.mul) end,
  alt = function(_, p) return marked_chain(p, "alt", operators.add) end,
  minus = function(n, p) return looking(operators.unm(mark(n[2])), p) * mark(n[1]) end,
  ["repeat"] = function(n)
    if n.count >= 0 and is_leaf(n[1]) and node(n[1]).op ~= "text" then return leaves(n[1], n.count) end
    return operators.pow(mark(n[1]), n.count)
  end,
  ["not"] = function(n, p) return looking(operators.unm(mark(n[1])), p) end,
  ["and"] = function(n, p) return looking(operators.len(mark(n[1])), p) end,
  div = function(n) return operators.div(mark(n[1]), n.by) end,
  capture = function(n) return noting(real.C(mark(n[1]))) end,
  substitute = function(n) return noting(real.Cs(mark(n[1]))) end,
  table = function(n) return real.Ct(mark(n[1])) end,
  fold = function(n) return real.Cf(mark(n[1]), n.extra) end,
  call = function(n) return Cmt(mark(n[1]), n.extra) end,
  group = function(n)
    if n.extra == nil then return real.Cg(mark(n[1])) end
    return real.Cg(noting(scoped(tostring(n.extra), mark(n[1])), tostring(n.extra)), n.extra)
  end,
  field = function(n) return real.Cg(noting(real.C(scoped(n.extra, mark(n[1]))), n.extra, n.kind), n.extra) end,
  grammar = function(n)
    local rules = { [1] = n.start }
    for name, rule in pairs(n.rules) do
      rules[name] = name == 1 and mark(rule) or scoped(tostring(name), mark(rule))
    end
    return P(rules)
  end,
}

local names, made -- pattern -> its name; pattern -> what was made of it

function mark(p)
  if made[p] then return made[p] end
  local n = node(p)
  local marked
  if is_leaf(p) then
    marked = leaf(p)
  else
    marked = MARKS[n.op] and MARKS[n.op](n, p) or p
    if names[p] then marked = scoped(names[p], marked) end
  end
  made[p] = marked
  return marked
end

local last_pattern, last_marked -- what was asked for last is asked for again, with another text

-- a new pattern, or the same with other names
local function marked_of(p, names_of)
  if last_pattern == p and not names_of then return last_marked end
  last_pattern, last_marked = nil, nil
  collectgarbage() -- LuaJIT does not know what LPEG's programs take
  names, made = names_of or {}, {}
  local own = names[p]
  names[p] = nil -- the whole has no name of its own
  local marked = mark(p)
  names[p], made = own, {}
  collectgarbage()
  last_pattern, last_marked = p, marked
  return marked
end

-- match(p, text, names_of, wants_events): names_of says how patterns are called that have a name; nil: as for the last match
function M.match(p, text, names_of, wants_events)
  local marked = marked_of(p, names_of)
  begin(text, wants_events)
  local to = real.match(operators.div(p, 0) * Cp(), text)
  real.match(marked, text)
  local out = {
    matched = to ~= nil, furthest = math.max(furthest, to or 1) - 1, captures = to and notes or {}, events = events,
    ["end"] = to and to - 1 or nil,
  }
  -- what could have come after the match tells something only if the match left something over
  if not to or to <= #text then
    table.sort(expected)
    out.expected, out.path = { unpack(expected) }, furthest_path
  end
  return out
end

return M
