-- LPEG as scripts have it. Counts are checked: LPEG computes the size of a pattern in an int, which a huge count overflows, and then writes
-- behind the pattern. The operators of patterns are the same for all, so the kernel's own go through these checks too.
local lpeg = require "lpeg"

local M = {}

local MAX_COUNT = 65535 -- bytes of lpeg.P(n), repetitions of p^n
local MAX_NODES = 2 ^ 24 -- of the tree of a pattern that is repeated; LPEG's limit is 2^31
local NODE_BYTES = 8
local MAX_CAPTURE = 32767 -- the number in p / n
local MIN_STACK, MAX_STACK = 400, 2 ^ 30 -- entries of LPEG's backtrack stack; 400 is LPEG's default

local type, floor = type, math.floor

local function check_count(n, what, level)
  if not (n >= -MAX_COUNT and n <= MAX_COUNT) or n ~= floor(n) then
    error(("%s: a count is a whole number from -%d to %d, not %g"):format(what, MAX_COUNT, MAX_COUNT, n), level + 1)
  end
end

for name, f in pairs(lpeg) do
  M[name] = f
end

-- What LPEG does not say: p / 0 has captures, and none of them becomes a value. So a pattern with such a part has a twin in which a
-- single byte stands in the place of each such part, and it is the twin that is asked for captures.
local twins = setmetatable({}, { __mode = "k" })

-- Returns a pattern that has captures just if `p` answers values for them.
function M.twin(p)
  return twins[p] or p
end
local twin = M.twin

-- functions whose first argument is a pattern, or what makes one
for _, name in ipairs { "B", "C", "Cf", "Cg", "Cs", "Ct", "Cmt", "match" } do
  local make, what = lpeg[name], "lpeg." .. name
  M[name] = function(p, ...)
    if type(p) == "number" then check_count(p, what, 2) end
    return make(p, ...)
  end
end

-- Makes the pattern of a table of rules. The table is read raw.
local function grammar(rules)
  local given, twin_rules, has_twin = {}, {}, false
  for name, rule in next, rules do
    given[name], twin_rules[name] = rule, twin(rule)
    has_twin = has_twin or twins[rule] ~= nil
  end
  local made = lpeg.P(given)
  if has_twin then twins[made] = lpeg.P(twin_rules) end
  return made
end

function M.P(p)
  if type(p) == "number" then check_count(p, "lpeg.P", 2) end
  if type(p) == "table" then return grammar(p) end
  return lpeg.P(p)
end

-- A script may deepen the stack of its patterns, but not take from the kernel's.
function M.setmaxstack(n)
  if type(n) ~= "number" or not (n >= MIN_STACK and n <= MAX_STACK) or n ~= floor(n) then
    error(("lpeg.setmaxstack: takes a whole number from %d to %d"):format(MIN_STACK, MAX_STACK), 2)
  end
  return lpeg.setmaxstack(n)
end

-- ---------------------------------------------------------------- operators

local of_patterns = getmetatable(lpeg.P(true))
local pow, unm, div = of_patterns.__pow, of_patterns.__unm, of_patterns.__div

for op, what in pairs { __mul = "pattern * count", __add = "pattern + count", __sub = "pattern - count" } do
  local operate = of_patterns[op]
  of_patterns[op] = function(a, b)
    if type(a) == "number" then check_count(a, what, 2) end
    if type(b) == "number" then check_count(b, what, 2) end
    local made = operate(a, b)
    if twins[a] or twins[b] then twins[made] = operate(twin(a), twin(b)) end
    return made
  end
end

for _, op in ipairs { "__unm", "__len" } do
  local operate = of_patterns[op]
  of_patterns[op] = function(p)
    local made = operate(p)
    if twins[p] then twins[made] = operate(twins[p]) end
    return made
  end
end

of_patterns.__div = function(p, by)
  if type(by) == "number" and (not (by >= 0 and by <= MAX_CAPTURE) or by ~= floor(by)) then
    error(("pattern / number: takes a whole number from 0 to %d"):format(MAX_CAPTURE), 2)
  end
  local made = div(p, by)
  if by == 0 then twins[made] = lpeg.P(1) end
  return made
end

-- Returns the number of nodes of a pattern's tree, by the memory that a copy takes.
local function nodes_of(p)
  collectgarbage "stop"
  local before_kib = collectgarbage "count"
  local ok, copy = pcall(unm, p)
  local bytes = (collectgarbage "count" - before_kib) * 1024
  collectgarbage "restart"
  if not ok then error(copy, 0) end
  return bytes / NODE_BYTES
end

of_patterns.__pow = function(p, n)
  if type(p) == "number" then check_count(p, "count ^ count", 2) end
  if type(n) ~= "number" then n = tonumber(n) end -- `re` gives text
  if not n then error("pattern ^ count: the count must be a number", 2) end
  check_count(n, "pattern ^ count", 2)
  if (n > 1 or n < -1) and lpeg.type(p) == "pattern" and nodes_of(p) * math.abs(n) > MAX_NODES then
    error(("pattern ^ count: the pattern is too large to be repeated %d times"):format(n), 2)
  end
  local made = pow(p, n)
  if twins[p] then twins[made] = pow(twins[p], n) end
  return made
end

return M
