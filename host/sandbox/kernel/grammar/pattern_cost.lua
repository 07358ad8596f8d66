-- Finds what a match spends its time on: the branches of alternations that fail before one matches, and captures.
local tree = require "pattern_tree"
local text = require "pattern_text"

local real, operators = tree.real, tree.operators
local node, chain = tree.node, tree.chain

local M = {}

local MAX_NODES, MAX_CALLS = 24, 200
local CAPTURES = { capture = true, table = true, substitute = true, fold = true, call = true, field = true, div = true }

-- every alternation and capture that can be matched by itself, from the outside in, and the names that it is in
local function candidates(p, names)
  local found, seen, places = {}, {}, {}
  local function walk(q, path)
    if seen[q] or #found >= MAX_NODES then return end
    seen[q] = true
    local n = node(q)
    local name = (n.op == "field" or n.op == "group") and n.extra or (q ~= p and names[q])
    if name then path = (path == "" and "" or path .. " > ") .. tostring(name) end
    if (n.op == "alt" and not tree.is_leaf(q)) or CAPTURES[n.op] then found[#found + 1], places[q] = q, path end
    if n.op == "grammar" then
      for rule_name, rule in pairs(n.rules) do
        walk(rule, (path == "" and "" or path .. " > ") .. tostring(rule_name))
      end
    elseif n.op == "alt" then
      for _, part in ipairs(chain(q, "alt")) do
        walk(part, path)
      end
    else
      for i = 1, 2 do
        if n[i] then walk(n[i], path) end
      end
    end
  end
  walk(p, "")
  return found, places
end

-- the pattern made again with `wrap` around some of its parts
local function rebuilt(p, wrap, made)
  if made[p] then return made[p] end
  local n = node(p)
  local q
  if tree.is_leaf(p) then q = p
  elseif n.op == "seq" or n.op == "alt" then
    local parts = chain(p, n.op)
    for i, part in ipairs(parts) do
      parts[i] = rebuilt(part, wrap, made)
    end
    q = tree.joined(n.op == "seq" and operators.mul or operators.add, parts)
  elseif n.op == "minus" then q = operators.mul(operators.unm(n[2]), rebuilt(n[1], wrap, made))
  elseif n.op == "repeat" then q = operators.pow(rebuilt(n[1], wrap, made), n.count)
  elseif n.op == "div" then q = operators.div(rebuilt(n[1], wrap, made), n.by)
  elseif n.op == "capture" or n.op == "field" then q = real.C(rebuilt(n[1], wrap, made))
  elseif n.op == "substitute" then q = real.Cs(rebuilt(n[1], wrap, made))
  elseif n.op == "table" then q = real.Ct(rebuilt(n[1], wrap, made))
  elseif n.op == "fold" then q = real.Cf(rebuilt(n[1], wrap, made), n.extra)
  elseif n.op == "call" then q = real.Cmt(rebuilt(n[1], wrap, made), n.extra)
  elseif n.op == "group" then
    q = n.extra == nil and real.Cg(rebuilt(n[1], wrap, made)) or real.Cg(rebuilt(n[1], wrap, made), n.extra)
  elseif n.op == "grammar" then
    local rules = { [1] = n.start }
    for name, rule in pairs(n.rules) do
      rules[name] = rebuilt(rule, wrap, made)
    end
    q = real.P(rules)
  else q = p end
  if n.op == "field" then q = real.Cg(q, n.extra) end
  q = wrap(p, q)
  made[p] = q
  return q
end

-- where the candidates are tried while a text is matched: candidate -> list of positions
local function calls_of(p, wanted, subject)
  local calls = {}
  local marked = rebuilt(p, function(original, q)
    if not wanted[original] then return q end
    calls[original] = {}
    return real.Cmt(real.P(true), function(_, at)
      local list = calls[original]
      if #list < MAX_CALLS then list[#list + 1] = at end
      return true
    end) * q
  end, {})
  real.match(marked, subject)
  return calls
end

-- the branch of an alternation that matches at a place; nil if none does
local function winner(p, subject, at)
  for i, part in ipairs(chain(p, "alt")) do
    if real.match(part, subject, at) ~= nil then return part, i end
  end
end

-- what a candidate costs at a place beyond what it cannot do without; of a declared field it is all that its pattern costs
local function waste(p, subject, at, nanoseconds, is_declared)
  local n = node(p)
  if is_declared and n.op == "field" then return nanoseconds(n[1], subject, at) - nanoseconds(real.P(true), subject, at) end
  if n.op == "alt" then
    local part, number = winner(p, subject, at)
    if number == 1 then return 0 end
    return nanoseconds(p, subject, at) - (part and nanoseconds(part, subject, at) or 0)
  end
  if real.match(p, subject, at) == nil then return 0 end
  local without = n.op == "call" and operators.div(n[1], 0) or n[1]
  return nanoseconds(p, subject, at) - nanoseconds(without, subject, at)
end

-- The alternations and captures that cost most, the most expensive first: {what, label, ns, calls}. A rule of a grammar cannot be
-- matched by itself, so what refers to one is left out. A declared grammar makes no table, and its captures are positions, which cost
-- next to nothing.
function M.costs(p, subject, names, nanoseconds, budget_s, is_declared)
  local list, inside = candidates(p, names)
  if is_declared then table.remove(list, 1) end
  local wanted = {}
  for _, q in ipairs(list) do
    wanted[q] = true
  end
  local calls, found, started = calls_of(p, wanted, subject), {}, os.clock()
  for _, q in ipairs(list) do
    local places = calls[q] or {}
    local sum, ok = 0, pcall(real.match, q, subject)
    for _, at in ipairs(ok and os.clock() - started < 2 * budget_s and places or {}) do
      sum = sum + math.max(0, waste(q, subject, at, nanoseconds, is_declared))
    end
    if sum > 0 then
      local is_field = is_declared and node(q).op == "field"
      local kind = node(q).op == "alt" and "alternation" or is_field and "field" or "capture"
      local label = is_field and text.label(node(q)[1], names) or text.label(q, {})
      found[#found + 1] = { what = kind, label = label, inside = inside[q], ns = sum, calls = #places }
    end
  end
  table.sort(found, function(a, b) return a.ns > b.ns end)
  return found
end

-- The names of the fields of a declared grammar whose patterns go on into the records behind this one. That is not wrong, for what
-- does not end with its record is matched once more by itself, but it is slow.
function M.runs_on(p, subject)
  local fields, names, seen = {}, {}, {}
  for _, q in ipairs((candidates(p, {}))) do
    if node(q).op == "field" then fields[q] = true end
  end
  local behind = subject .. ("\n" .. subject):rep(2) .. "\n"
  for q, places in pairs(calls_of(p, fields, subject)) do
    for _, at in ipairs(places) do
      local to = real.match(operators.div(node(q)[1], 0) * real.Cp(), behind, at)
      local name = node(q).extra
      if to and to > #subject + 1 and not seen[name] then
        seen[name], names[#names + 1] = true, name
      end
    end
  end
  table.sort(names)
  return names
end

-- the pattern as declare_grammar would compose it: positions of the fields, no values
function M.positions(p)
  local function strip(q)
    local n = node(q)
    if tree.is_leaf(q) then return q end
    if n.op == "seq" then return operators.mul(strip(n[1]), strip(n[2])) end
    if n.op == "alt" then return operators.add(strip(n[1]), strip(n[2])) end
    if n.op == "minus" then return operators.mul(operators.unm(n[2]), strip(n[1])) end
    if n.op == "repeat" then return operators.pow(strip(n[1]), n.count) end
    if n.op == "capture" or n.op == "field" then return real.Cp() * strip(n[1]) * real.Cp() end
    if n.op == "group" and n.extra ~= nil then return real.Cp() * operators.div(n[1], 0) * real.Cp() end
    if n.op == "table" or n.op == "group" or n.op == "div" then return strip(n[1]) end
    if n.op == "grammar" or n.op == "rule" then return q end
    return operators.div(q, 0)
  end
  return strip(p)
end

return M
