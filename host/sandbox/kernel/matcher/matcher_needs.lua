-- Which Types and Loggers a matcher can match at all, so that the host need not even hand over packs of others.
--
--   of(tree) -> a list of {types = {...} or nil, loggers = {...} or nil}: a message can match only if one of them fits its Type and
--   its Logger; nil stands for any. An empty list: nothing can match. More may be let through than matches, never less.
local M = {}

local MOST = 256 -- alternatives, or names in one; a matcher with more is not narrowed down

local ANY = { {} }

local function names_of(node)
  if node.var.kind ~= "header" then return nil end
  local key = node.var.name == "Type" and "types" or node.var.name == "Logger" and "loggers"
  if not key then return nil end
  local names = {}
  for i, value in ipairs(node.op == "in" and node.values or { node.value }) do
    if value.type ~= "string" then return nil end
    names[i] = value.text
  end
  return key, names
end

-- names that are in both lists; nil stands for all
local function intersection(a, b)
  if not a or not b then return a or b end
  local known, out = {}, {}
  for _, name in ipairs(b) do
    known[name] = true
  end
  for _, name in ipairs(a) do
    if known[name] then out[#out + 1] = name end
  end
  return out
end

local function is_empty(names)
  return names ~= nil and #names == 0
end

local function both(a, b)
  if #a * #b > MOST then return #a < #b and a or b end
  local out = {}
  for _, x in ipairs(a) do
    for _, y in ipairs(b) do
      local need = { types = intersection(x.types, y.types), loggers = intersection(x.loggers, y.loggers) }
      if not is_empty(need.types) and not is_empty(need.loggers) then out[#out + 1] = need end
    end
  end
  return out
end

local function either(a, b)
  if #a + #b > MOST then return ANY end
  local out = {}
  for _, list in ipairs { a, b } do
    for _, need in ipairs(list) do
      if not need.types and not need.loggers then return ANY end
      out[#out + 1] = need
    end
  end
  return out
end

function M.of(tree)
  if tree.op == "false" then return {} end
  if tree.op == "and" then return both(M.of(tree.left), M.of(tree.right)) end
  if tree.op == "or" then return either(M.of(tree.left), M.of(tree.right)) end
  if tree.op == "==" or tree.op == "in" then
    local key, names = names_of(tree)
    if key and #names <= MOST then return { { [key] = names } } end
  end
  return ANY
end

return M
