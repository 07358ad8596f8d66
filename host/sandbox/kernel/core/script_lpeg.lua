-- The `lpeg` of scripts, with checked counts. LPEG computes the size of a pattern in an int. A huge count overflows it, and LPEG then
-- writes past the end of the pattern. Scripts and kernel share the operators of patterns, so the kernel's patterns pass these checks too.
local lpeg = require "lpeg"
local twins = require "capture_twins"

local M = {}

local MAX_COUNT = 65535 -- bytes of lpeg.P(n) and repetitions of p^n
local MAX_NODES = 2 ^ 24 -- in the tree of a repeated pattern; LPEG's limit is 2^31
local NODE_BYTES = 8
local MAX_UNCHECKED_COUNT = 32 -- so few copies of the largest tree that memory_limit permits (256 MiB) stay below LPEG's limit
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

-- Functions whose first argument is a pattern, or a value that LPEG converts to one.
for _, name in ipairs { "B", "C", "Cf", "Cg", "Cs", "Ct", "Cmt", "match" } do
  local build, what = lpeg[name], "lpeg." .. name
  M[name] = function(p, ...)
    if type(p) == "number" then check_count(p, what, 2) end
    return build(p, ...)
  end
end

-- Returns the pattern of a table of rules. The table is read raw.
local function build_grammar(rules)
  local plain_rules, twin_rules, has_twin = {}, {}, false
  for name, rule in next, rules do
    plain_rules[name], twin_rules[name] = rule, twins.of(rule)
    has_twin = has_twin or twins.has(rule)
  end
  local pattern = lpeg.P(plain_rules)
  if has_twin then twins.set(pattern, lpeg.P(twin_rules)) end
  return pattern
end

function M.P(p)
  if type(p) == "number" then check_count(p, "lpeg.P", 2) end
  if type(p) == "table" then return build_grammar(p) end
  return lpeg.P(p)
end

-- A script may raise LPEG's stack limit, but not lower it below the default: the kernel's patterns need that.
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
    local pattern = operate(a, b)
    if twins.has(a) or twins.has(b) then twins.set(pattern, operate(twins.of(a), twins.of(b))) end
    return pattern
  end
end

for _, op in ipairs { "__unm", "__len" } do
  local operate = of_patterns[op]
  of_patterns[op] = function(p)
    local pattern = operate(p)
    if twins.has(p) then twins.set(pattern, operate(twins.of(p))) end
    return pattern
  end
end

of_patterns.__div = function(p, by)
  if type(by) == "number" and (not (by >= 0 and by <= MAX_CAPTURE) or by ~= floor(by)) then
    error(("pattern / number: takes a whole number from 0 to %d"):format(MAX_CAPTURE), 2)
  end
  local pattern = div(p, by)
  if by == 0 then twins.set(pattern, lpeg.P(1)) end
  return pattern
end

-- Returns the number of nodes in a pattern's tree, estimated from the memory that a copy takes.
local function count_nodes(p)
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
  if type(n) ~= "number" then n = tonumber(n) end -- `re` passes text
  if not n then error("pattern ^ count: the count must be a number", 2) end
  check_count(n, "pattern ^ count", 2)
  if math.abs(n) > MAX_UNCHECKED_COUNT and lpeg.type(p) == "pattern" and count_nodes(p) * math.abs(n) > MAX_NODES then
    error(("pattern ^ count: the pattern is too large to be repeated %d times"):format(n), 2)
  end
  local pattern = pow(p, n)
  if twins.has(p) then twins.set(pattern, pow(twins.of(p), n)) end
  return pattern
end

return M
