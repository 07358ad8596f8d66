-- Remembers how patterns of LPEG were made, so that they can be shown, and made again with something in between. Only for processes in
-- which people try out grammars: what a script gets here are the patterns that it would get anywhere, and beside each stands its tree.
local calls = require "script_calls"
local debug_getmetatable = debug.getmetatable

local M = {}

local real = {} -- LPEG as scripts have it
for name, f in pairs(require "script_lpeg") do
  real[name] = f
end
M.real = real

local P, type_of = real.P, real.type

local node_of = setmetatable({}, { __mode = "k" })

function M.is_pattern(x)
  return type_of(x) == "pattern"
end
local is_pattern = M.is_pattern

-- how a pattern was made: {op = , its parts}. What was made elsewhere, as by `re`, is opaque
function M.node(pattern)
  return node_of[pattern] or { op = "opaque" }
end

-- a pattern that LPEG has answered may be one that it was given
local function record(pattern, node)
  if not node_of[pattern] then node_of[pattern] = node end
  return pattern
end

local lift

local function grammar_of(rules)
  local patterns, first = {}, rawget(rules, 1)
  for name, rule in next, rules do
    if name ~= 1 then patterns[name] = lift(rule) end
  end
  local start = (type(first) == "string" or type(first) == "number") and first or 1
  if start == 1 then patterns[1] = lift(first) end
  local given = { [1] = first }
  for name, rule in pairs(patterns) do
    given[name] = rule
  end
  return record(P(given), { op = "grammar", rules = patterns, start = start })
end

-- what LPEG takes for a pattern, as one
function lift(x)
  if is_pattern(x) then return x end
  if type(x) == "table" then return grammar_of(x) end
  local pattern = P(x)
  if type(x) == "string" then return record(pattern, { op = "text", text = x }) end
  if type(x) == "number" then return record(pattern, { op = "any", count = x }) end
  if type(x) == "boolean" then return record(pattern, { op = tostring(x) }) end
  return record(pattern, { op = "function" })
end
M.lift = lift

-- ---------------------------------------------------------------- operators

local of_patterns = debug_getmetatable(P(true))
local mul, add, sub, pow, unm, len, div =
  of_patterns.__mul, of_patterns.__add, of_patterns.__sub, of_patterns.__pow, of_patterns.__unm, of_patterns.__len, of_patterns.__div
M.operators = { mul = mul, add = add, sub = sub, pow = pow, unm = unm, len = len, div = div }

local function binary(op, operate)
  return function(a, b)
    a, b = lift(a), lift(b)
    return record(operate(a, b), { op = op, a, b })
  end
end

local function unary(op, operate)
  return function(p) return record(operate(p), { op = op, p }) end
end

-- for scripts whose patterns nobody wants to see
function M.unwatch_operators()
  for name, operate in pairs(M.operators) do
    of_patterns["__" .. name] = operate
  end
end

-- from now on the operators of all patterns remember
function M.watch_operators()
  of_patterns.__mul, of_patterns.__add, of_patterns.__sub = binary("seq", mul), binary("alt", add), binary("minus", sub)
  of_patterns.__unm, of_patterns.__len = unary("not", unm), unary("and", len)
  of_patterns.__pow = function(p, n) return record(pow(p, n), { op = "repeat", p, count = n }) end
  of_patterns.__div = function(p, f) return record(div(p, f), { op = "div", p, by = f }) end
end

-- ---------------------------------------------------------------- what `require "lpeg"` answers

local function capture(op, make)
  return function(p, extra, ...)
    p = lift(p)
    return record(make(p, extra, ...), { op = op, p, extra = extra })
  end
end

local function described(op, make, describe)
  return function(...)
    return record(make(...), { op = op, text = describe(...), make = make, given = { ... } })
  end
end

local function ranges(...)
  local parts = {}
  for _, range in ipairs { ... } do
    parts[#parts + 1] = range:sub(1, 1) .. "-" .. range:sub(2)
  end
  return table.concat(parts)
end

function M.watched_lpeg()
  local out = {}
  for name, f in pairs(real) do
    out[name] = f
  end
  out.P = lift
  out.S = described("set", real.S, function(set) return set end)
  out.R = described("set", real.R, ranges)
  out.V = described("rule", real.V, calls.text_of)
  out.B = function(p)
    p = lift(p)
    return record(real.B(p), { op = "behind", p })
  end
  for op, name in pairs { capture = "C", table = "Ct", substitute = "Cs", fold = "Cf", call = "Cmt", group = "Cg" } do
    out[name] = capture(op, real[name])
  end
  for op, name in pairs { constant = "Cc", position = "Cp", back = "Cb", argument = "Carg" } do
    out[name] = described(op, real[name], calls.text_of)
  end
  out.match = function(p, ...) return real.match(lift(p), ...) end
  out.locale = function(to)
    local classes = real.locale(to)
    for name, p in pairs(classes) do
      if is_pattern(p) then record(p, { op = "set", text = tostring(name), class = true }) end
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
  if item.optional then
    local p = items_pattern(item.optional)
    return record(pow(p, -1), { op = "repeat", p, count = -1 })
  end
  if not item.name or not item.grammar then error("declare_grammar: a field needs a name and a grammar", 0) end
  local p = lift(item.grammar)
  return record(real.Cg(real.C(p), tostring(item.name)), { op = "field", p, extra = tostring(item.name), kind = item.type or "string" })
end

-- Joins a list of patterns by an operator, halves first: LPEG copies both sides at each step, so one after the other would take memory
-- with the square of their number.
local function joined(operate, list, from, to)
  from, to = from or 1, to or #list
  if from == to then return list[from] end
  local middle = math.floor((from + to) / 2)
  return operate(joined(operate, list, from, middle), joined(operate, list, middle + 1, to))
end
M.joined = joined

function items_pattern(items)
  local parts = { lift(true) }
  for i, item in ipairs(items) do
    parts[i] = item_pattern(item)
  end
  return joined(binary("seq", mul), parts)
end

local finish = record(-P(1), { op = "not", lift(1) })

-- A declared grammar as the kernel takes it: the first alternative that matches the whole record. The tree has it without -1 at the end
-- of each alternative.
function M.declared(spec)
  local list, p = {}, nil
  for i, items in ipairs(spec.alternatives or {}) do
    local one = items_pattern(items)
    list[i] = record(mul(one, finish), { op = "seq", one, finish })
    p = p and record(add(p, list[i]), { op = "alt", p, list[i] }) or list[i]
  end
  if not p then error("declare_grammar: `alternatives` must be a list of at least one list of items", 0) end
  return record(real.Ct(p), { op = "table", p })
end

-- ---------------------------------------------------------------- words for patterns

local function quoted(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    local known = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ['"'] = '\\"', ["\\"] = "\\\\" }
    return known[c] or string.format("\\%d", c:byte())
  end) .. '"'
end
M.quoted = quoted

-- the parts of a chain of one operator, from left to right
local function chain(p, op, into)
  into = into or {}
  local node = M.node(p)
  if node.op == op then
    chain(node[1], op, into)
    chain(node[2], op, into)
  else
    into[#into + 1] = p
  end
  return into
end
M.chain = chain

local word -- what a pattern takes that is one byte or a text; nil if it is more than that

local WORDS = {
  text = function(node) return node.text == "" and "nothing" or quoted(node.text) end,
  any = function(node)
    if node.count < 0 then return node.count == -1 and "the end of the record" or "less than " .. -node.count .. " bytes" end
    return node.count == 1 and "any byte" or node.count .. " bytes"
  end,
  set = function(node) return node.class and node.text or "one of [" .. quoted(node.text):sub(2, -2) .. "]" end,
  alt = function(_, p)
    local words = {}
    for i, part in ipairs(chain(p, "alt")) do
      words[i] = word(part)
      if not words[i] then return nil end
    end
    return table.concat(words, " or ")
  end,
  minus = function(node)
    local from, without = word(node[1]), word(node[2])
    if not from or not without then return nil end
    return (from == "any byte" and "any byte" or from) .. " but " .. without
  end,
  ["not"] = function(node)
    local inner = M.node(node[1])
    if inner.op == "any" then return "the end of the record" end
    local what = word(node[1])
    return what and "no " .. what
  end,
}

function word(p)
  local node = M.node(p)
  local describe = WORDS[node.op]
  return describe and describe(node, p)
end
M.word = word

-- whether a pattern is one text, one byte of a kind, or the end: what is expected, and not what leads there
function M.is_leaf(p)
  local op = M.node(p).op
  if op == "opaque" or op == "function" or op == "behind" then return true end
  return (op == "text" or op == "any" or op == "set" or op == "minus" or op == "alt") and word(p) ~= nil
end

return M
