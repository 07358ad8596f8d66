-- What a matcher may say of messages of which only something is known: for `hekate graph`, never in a sandbox.
--
--   of(tree, kind) -> may it be true, may it be false
--   names(tree) -> {types = {...}, loggers = {...}, fields = {...}}: what the matcher names
--
-- kind: {type = text or nil, prefix = text or nil, logger = text or nil, fields = {[name] = true} or nil}. What is nil is not known; prefix
-- is what an unknown Type begins with; fields are all that a message may have, and each of them may be missing.
local regex = require "regex"
local compare = require("matcher_numbers").relation

local M = {}

-- two booleans as one value, so that they can be kept and compared
local YES, NO, MAYBE = "yes", "no", "maybe"

local function known(answer)
  return answer and YES or NO
end

local function begins_otherwise(text, prefix)
  local n = math.min(#text, #prefix)
  return text:sub(1, n) ~= prefix:sub(1, n) or #text < #prefix
end

-- a test on a text header: value, if it is known, or how it begins
local function text_test(node, value, prefix)
  local op, literal = node.op, node.value
  if value then
    if literal.type == "nil" then return known((value == "") == (op == "==")) end
    if op == "=~" or op == "!~" then return known(regex.compile(literal.text).test(value) == (op == "=~")) end
    return known(compare(op, value, literal.text))
  end
  if prefix and literal.type == "nil" then return known(op == "!=") end
  if prefix and (op == "==" or op == "!=") and begins_otherwise(literal.text, prefix) then return known(op == "!=") end
  return MAYBE
end

local function field_test(node, kind)
  if not kind.fields or kind.fields[node.var.name] then return MAYBE end
  return known(node.op == "==" and node.value.type == "nil")
end

local function test(node, kind)
  if node.var.kind == "field" then return field_test(node, kind) end
  if node.var.name == "Type" then return text_test(node, kind.type, kind.prefix) end
  if node.var.name == "Logger" then return text_test(node, kind.logger) end
  return MAYBE
end

local function either(a, b)
  if a == YES or b == YES then return YES end
  return a == NO and b == NO and NO or MAYBE
end

local OPPOSITE = { [YES] = NO, [NO] = YES, [MAYBE] = MAYBE }

local function answer(node, kind)
  local op = node.op
  if op == "true" or op == "false" then return known(op == "true") end
  if op == "not" then return OPPOSITE[answer(node.expr, kind)] end
  if op == "or" then return either(answer(node.left, kind), answer(node.right, kind)) end
  if op == "and" then
    return OPPOSITE[either(OPPOSITE[answer(node.left, kind)], OPPOSITE[answer(node.right, kind)])]
  end
  if op ~= "in" then return test(node, kind) end
  local found = NO
  for _, value in ipairs(node.values) do
    found = either(found, test({ op = "==", var = node.var, value = value }, kind))
  end
  return found
end

function M.of(tree, kind)
  local found = answer(tree, kind)
  return found ~= NO, found ~= YES
end

local LISTS = { Type = "types", Logger = "loggers" }

local function add_names(node, out)
  for _, child in ipairs { node.expr or false, node.left or false, node.right or false } do
    if child then add_names(child, out) end
  end
  if not node.var then return end
  if node.var.kind == "field" then
    table.insert(out.fields, node.var.name)
  elseif LISTS[node.var.name] and (node.op == "==" or node.op == "in") then
    for _, value in ipairs(node.values or { node.value }) do
      if value.type == "string" then table.insert(out[LISTS[node.var.name]], value.text) end
    end
  end
end

function M.names(tree)
  local out = { types = {}, loggers = {}, fields = {} }
  add_names(tree, out)
  return out
end

return M
