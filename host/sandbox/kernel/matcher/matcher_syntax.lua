-- The message matcher's language: text to syntax tree, and back.
--
-- The language is Heka's; docs/matcher.md describes it with examples. This
-- file only reads and checks; what a comparison means is decided by the
-- compiler, which turns the tree into a function over a pack.
--
--   parse(text [, check_regex]) -> tree | nil, {message=, summary=, offset=}
--   format(tree) -> text, such that parse(format(tree)) equals tree
--
-- check_regex(source) -> true | nil, {message=, offset=} lets the caller refuse
-- a regular expression at its place in the text (regex.compile fits).
--
-- Nodes:
--   {op="and"|"or", left=, right=}   {op="not", expr=}   {op="true"|"false"}
--   {op="=="|"!="|"<"|"<="|">"|">="|"=~"|"!~", var=, value=}
--   {op="in", var=, values={value, ...}}
-- var:   {kind="header", name=}   {kind="field", name=, fi=0, ai=0}
-- value: {type="string", text=}   {type="bool", bool=}   {type="nil"}
--        {type="number", text=digits, number=double, integer=bool}
--        {type="regex", text=source}
-- An integer that is not exact as a double keeps its digits in `text`. A time
-- in RFC 3339 becomes an integer of nanoseconds and keeps its text in `rfc3339`.

local lpeg = require "lpeg"
local literals = require "matcher_literals"
local patterns = require "matcher_patterns"

local P, R, S, V = lpeg.P, lpeg.R, lpeg.S, lpeg.V
local C, Carg, Cc, Cp, Cmt, Ct = lpeg.C, lpeg.Carg, lpeg.Cc, lpeg.Cp, lpeg.Cmt, lpeg.Ct

-- Depth of the tree. The compiler turns it into Lua source with as many nested
-- parentheses, of which LuaJIT takes 200; `not` takes two of them.
local MAX_DEPTH = 150
local MAX_TEXT_BYTES = 65536
local CARET_COLUMNS = 72

-- What a header may be compared with.
local HEADERS = {
  Uuid = "string", Type = "string", Logger = "string", Payload = "string",
  EnvVersion = "string", Hostname = "string",
  Timestamp = "time", Severity = "number", Pid = "number",
}

-- ---------------------------------------------------------------- errors --

-- The line of `text` that holds `offset`, and a caret below the place.
local function caret_lines(text, offset)
  local first = offset
  while first > 1 and text:sub(first - 1, first - 1) ~= "\n" do first = first - 1 end
  local last = (text:find("\n", offset, true) or #text + 1) - 1
  local from = math.max(first, offset - CARET_COLUMNS / 2)
  local to = math.min(last, from + CARET_COLUMNS)
  local line = text:sub(from, to):gsub("[%z\1-\31\127]", " ")
  return "  " .. line .. "\n  " .. (" "):rep(offset - from) .. "^"
end

local function syntax_error(text, offset, summary)
  return {
    message = ("%s, at offset %d:\n%s"):format(summary, offset, caret_lines(text, offset)),
    summary = summary,
    offset = offset,
  }
end

local Refusal = {}

-- Ends the parse: the text is well formed, but what it says is not allowed.
local function refuse(offset, summary)
  error(setmetatable({offset = offset, summary = summary}, Refusal), 0)
end

-- The deepest place that a token was looked for, and what would have done.
local function missed(_, offset, state, what)
  if offset > state.furthest then
    state.furthest, state.expected = offset, {}
  end
  if offset == state.furthest and not state.expected[what] then
    state.expected[what] = true
    state.expected[#state.expected + 1] = what
  end
  return false
end

local function found_at(text, offset)
  if offset > #text then return "the end" end
  local word = text:match("^[%w_]+", offset) or text:sub(offset, offset)
  if #word > 24 then word = word:sub(1, 24) .. "..." end
  return "`" .. word .. "`"
end

local function list_words(words)
  if #words == 1 then return words[1] end
  return table.concat(words, ", ", 1, #words - 1) .. " or " .. words[#words]
end

local function expectation(text, state)
  return ("expected %s, found %s"):format(
    list_words(state.expected), found_at(text, state.furthest))
end

-- ----------------------------------------------------------------- nodes --

-- The tree's depth is kept beside the nodes, in the state of one parse.
local function noted(state, offset, node, depth)
  if depth > MAX_DEPTH then
    refuse(offset, ("more than %d expressions are joined or nested (`in` takes any number of values)")
      :format(MAX_DEPTH))
  end
  state.depth[node] = depth
  return node
end

local function join(op)
  return function(state, offset, first, ...)
    local node = first
    for i = 1, select("#", ...) do
      local right = select(i, ...)
      local depth = 1 + math.max(state.depth[node], state.depth[right])
      node = noted(state, offset, {op = op, left = node, right = right}, depth)
    end
    return node
  end
end

local function negate(state, offset, expr)
  return noted(state, offset, {op = "not", expr = expr}, 2 + state.depth[expr])
end

local function constant(op)
  return function(state, offset) return noted(state, offset, {op = op}, 1) end
end

local function header(offset, name)
  if HEADERS[name] then return {kind = "header", name = name} end
  for known in pairs(HEADERS) do
    if known:lower() == name:lower() then
      refuse(offset, ("there is no variable `%s`; did you mean `%s`?"):format(name, known))
    end
  end
  refuse(offset, ("there is no variable `%s`; a field is written Fields[%s]"):format(name, name))
end

local function field(name, field_index, array_index)
  return {kind = "field", name = name, fi = field_index or 0, ai = array_index or 0}
end

-- ------------------------------------------------- what may be compared --

local ORDERED = {["<"] = true, ["<="] = true, [">"] = true, [">="] = true}

local function check_time(var, value, offset)
  if var.name ~= "Timestamp" or value.type ~= "string" then return value end
  local number, problem = literals.rfc3339(value.text)
  if not number then refuse(offset, problem) end
  return number
end

local function check_regex(var, value, offset, state)
  if var.kind == "header" and HEADERS[var.name] ~= "string" then
    refuse(offset, ("%s is a number; a regular expression matches text"):format(var.name))
  end
  local ok, problem = state.check_regex(value.text)
  if not ok then
    refuse(offset + problem.offset, "in the regular expression: " .. problem.message)
  end
  return value
end

-- Hindsight's form: a Lua pattern between quotes, or with a % behind it plain text
local function check_pattern(var, value, offset, state)
  local source, problem = patterns.of_string(value.text, value.plain)
  if not source then refuse(offset + problem.offset + 1, "in the Lua pattern: " .. problem.message) end
  return check_regex(var, {type = "regex", text = source}, offset, state)
end

local function check_value(var, op, value, offset, state)
  if op == "=~" or op == "!~" then
    if value.type == "string" then return check_pattern(var, value, offset, state) end
  end
  if value.type == "regex" then return check_regex(var, value, offset, state) end
  if value.integer and not literals.fits_int64(value.text) then
    refuse(offset, "the integer does not fit into 64 bits")
  end
  if (value.type == "nil" or value.type == "bool") and ORDERED[op] then
    refuse(offset, ("%s has no order; use == or !="):format(value.type == "nil" and "NIL" or "a boolean"))
  end
  if var.kind == "field" or value.type == "nil" then return value end
  value = check_time(var, value, offset)
  local wanted = HEADERS[var.name] == "string" and "string" or "number"
  if value.type ~= wanted then
    refuse(offset, ("%s is a %s and cannot be compared with a %s"):format(var.name, wanted, value.type))
  end
  return value
end

local function comparison(state, offset, var, op, value)
  local checked = check_value(var, op, value[2], value[1], state)
  return noted(state, offset, {op = op, var = var, value = checked}, 1)
end

local function membership(state, offset, var, values)
  local checked = {}
  for i, value in ipairs(values) do
    checked[i] = check_value(var, "in", value[2], value[1], state)
  end
  return noted(state, offset, {op = "in", var = var, values = checked}, 1)
end

-- --------------------------------------------------------------- grammar --

local skip = S" \t\r\n"^0
local word_end = -R("az", "AZ", "09", "__")

-- P(false) tells LPEG what `missed` does: that this never matches.
local function looked_for(what) return Cmt(Carg(1) * Cc(what), missed) * P(false) end
local function token(pattern, what) return pattern * skip + looked_for(what) end
local function symbol(text) return token(P(text), "`" .. text .. "`") end
local function keyword(text) return token(P(text) * word_end, text) end
local function placed(pattern) return Ct(Cp() * pattern) end

-- Literals as {offset, value}; an offset is needed when the value is refused.
local string_value = token(placed(literals.string), "a string")
local number_value = token(placed(literals.number), "a number")
local regex_value = token(placed(literals.regex), "a /regular expression/")
local pattern_value = token(placed(literals.string * (S" \t"^0 * "%" * Cc(true))^-1
  / function(value, plain)
    value.plain = plain
    return value
  end), "a Lua pattern")
local other_value = token(placed(
  P"TRUE" * word_end * Cc{type = "bool", bool = true}
  + P"FALSE" * word_end * Cc{type = "bool", bool = false}
  + P"NIL" * word_end * Cc{type = "nil"}), "TRUE, FALSE, NIL")

local index = symbol"[" * token(R"09"^1 * -R"09" / tonumber, "an index") * symbol"]"
local field_name = P"Fields" * S" \t"^0 * "[" * C((1 - P"]")^1) * "]"
local field_var = token(field_name, "Fields[name]") * (index * index^-1)^-1 / field
local header_name = C(R("az", "AZ", "__") * R("az", "AZ", "09", "__")^0) - P"Fields" * skip * "["
local reserved = (P"TRUE" + "FALSE" + "NIL") * word_end
local header_var = token(Cp() * header_name / header, "a variable") - reserved

local OPERATOR = "a comparison (== != < <= > >= =~ !~ in)"
local match_op = token(C(P"=~" + "!~"), OPERATOR)
local order_op = token(C(P"==" + "!=" + "<=" + ">=" + "<" + ">"), OPERATOR)

local grammar = P{
  "all",
  all = skip * V"either" * token(-P(1), "the end"),
  either = Carg(1) * Cp() * V"both" * (symbol"||" * V"both")^0 / join"or",
  both = Carg(1) * Cp() * V"unary" * (symbol"&&" * V"unary")^0 / join"and",
  unary = Carg(1) * Cp() * symbol"!" * V"unary" / negate
    + symbol"(" * V"either" * symbol")"
    + Carg(1) * Cp() * keyword"TRUE" / constant"true"
    + Carg(1) * Cp() * keyword"FALSE" / constant"false"
    + V"test",
  test = Carg(1) * Cp() * (field_var + header_var) * V"rest"
    / function(state, offset, var, build, ...) return build(state, offset, var, ...) end,
  rest = Cc(membership) * token(P"in" * word_end, OPERATOR)
      * symbol"(" * Ct(V"item" * (symbol"," * V"item")^0) * symbol")"
    + Cc(comparison) * match_op * (regex_value + pattern_value)
    + Cc(comparison) * order_op * (string_value + number_value + other_value),
  item = string_value + number_value,
}

-- ---------------------------------------------------------------- public --

local function accept_any() return true end

local function describe_failure(text, problem)
  if getmetatable(problem) == Refusal then
    return syntax_error(text, problem.offset, problem.summary)
  end
  if tostring(problem):find("stack overflow", 1, true) then
    return syntax_error(text, 1, "the expression is nested too deeply")
  end
  error(problem, 0)
end

local function parse(text, check)
  if #text > MAX_TEXT_BYTES then
    return nil, syntax_error(text, MAX_TEXT_BYTES, ("longer than %d bytes"):format(MAX_TEXT_BYTES))
  end
  local state = {furthest = 0, expected = {}, depth = {}, check_regex = check or accept_any}
  local ran, tree = pcall(lpeg.match, grammar, text, 1, state)
  if not ran then return nil, describe_failure(text, tree) end
  if not tree then return nil, syntax_error(text, state.furthest, expectation(text, state)) end
  return tree
end

local function format_var(var)
  if var.kind == "header" then return var.name end
  if var.ai ~= 0 then return ("Fields[%s][%d][%d]"):format(var.name, var.fi, var.ai) end
  if var.fi ~= 0 then return ("Fields[%s][%d]"):format(var.name, var.fi) end
  return ("Fields[%s]"):format(var.name)
end

-- How tightly a node binds; a child that binds less needs parentheses.
local STRENGTH = {["or"] = 1, ["and"] = 2, ["not"] = 3}
local format

local function format_child(node, at_least)
  local text = format(node)
  if (STRENGTH[node.op] or 4) < at_least then return "(" .. text .. ")" end
  return text
end

local function format_values(values)
  local texts = {}
  for i, value in ipairs(values) do texts[i] = literals.format(value) end
  return "(" .. table.concat(texts, ", ") .. ")"
end

function format(node)
  local op = node.op
  if op == "true" or op == "false" then return op:upper() end
  if op == "not" then return "!(" .. format(node.expr) .. ")" end
  if op == "in" then return format_var(node.var) .. " in " .. format_values(node.values) end
  if op == "and" or op == "or" then
    local strength = STRENGTH[op]
    return format_child(node.left, strength) .. (op == "and" and " && " or " || ")
      .. format_child(node.right, strength + 1)
  end
  return format_var(node.var) .. " " .. op .. " " .. literals.format(node.value)
end

return {parse = parse, format = format}
