-- Shows a pattern as a tree of words.
local tree = require "pattern_tree"
local node, word, chain = tree.node, tree.word, tree.chain

local M = {}

local MAX_LINES = 400

local function times(n)
  local count = n.count
  if count == -1 then return "optional" end
  if count < 0 then return "at most " .. -count .. " times" end
  return count == 0 and "any number of times" or count == 1 and "once or more" or "at least " .. count .. " times"
end

local HEADS = {
  seq = function() return "in sequence" end,
  alt = function() return "one of, the first that matches" end,
  minus = function() return "unless" end,
  ["repeat"] = times,
  ["not"] = function() return "if there is not" end,
  ["and"] = function() return "if there is" end,
  behind = function() return "if before it is" end,
  div = function(n)
    local by = type(n.by)
    return by == "function" and "changed by a function" or by == "table" and "looked up in a table" or "as " .. tree.quoted(tostring(n.by))
  end,
  capture = function() return "captured" end,
  substitute = function() return "captured, with parts replaced" end,
  table = function() return "a table of" end,
  fold = function() return "folded by a function" end,
  call = function() return "checked by a function" end,
  group = function(n) return n.extra == nil and "group" or "field " .. tostring(n.extra) end,
  field = function(n) return "field " .. n.extra .. ": " .. n.kind end,
  grammar = function(n) return "grammar, from rule " .. tostring(n.start) end,
  rule = function(n) return "rule " .. n.text end,
  constant = function(n) return "value " .. n.text end,
  position = function() return "the position" end,
  back = function(n) return "what was captured as " .. n.text end,
  argument = function(n) return "argument " .. n.text end,
  ["true"] = function() return "nothing" end,
  ["false"] = function() return "never" end,
  ["function"] = function() return "what a function takes" end,
  opaque = function() return "a pattern made elsewhere, as by re" end,
}

local function children(p)
  local n = node(p)
  if n.op == "seq" or n.op == "alt" then return chain(p, n.op) end
  if n.op == "minus" then return { n[2], n[1] } end
  return { n[1] }
end

local function walk(p, names, depth, lines, is_root)
  if #lines >= MAX_LINES then return end
  local n = node(p)
  local words = word(p)
  local function line(text)
    lines[#lines + 1] = { depth = depth, text = text }
  end
  if words then return line(words) end
  if names[p] and not is_root then return line(names[p]) end
  line((HEADS[n.op] or HEADS.opaque)(n))
  if n.op == "grammar" then
    local sorted = {}
    for name in pairs(n.rules) do
      sorted[#sorted + 1] = name
    end
    table.sort(sorted, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(sorted) do
      lines[#lines + 1] = { depth = depth + 1, text = "rule " .. tostring(name) .. ":" }
      walk(n.rules[name], names, depth + 2, lines)
    end
  else
    for _, child in ipairs(children(p)) do
      walk(child, names, depth + 1, lines)
    end
  end
end

-- list of {depth, text}; names: patterns that are shown by their name only
function M.explain(p, names)
  local lines = {}
  walk(p, names, 0, lines, true)
  return lines
end

-- a few words for a pattern, for a list
function M.label(p, names)
  if names[p] then return names[p] end
  local n = node(p)
  local words = word(p)
  if words then return words end
  if n.op == "alt" then
    local parts = {}
    for i, part in ipairs(chain(p, "alt")) do
      parts[i] = i <= 3 and M.label(part, names) or nil
    end
    local rest = #chain(p, "alt") > 3 and " | ..." or ""
    return "(" .. table.concat(parts, " | ") .. rest .. ")"
  end
  if n.op == "seq" then return M.label(chain(p, "seq")[1], names) .. " ..." end
  return (HEADS[n.op] or HEADS.opaque)(n)
end

return M
