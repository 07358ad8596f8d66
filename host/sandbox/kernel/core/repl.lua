-- Lua and grammars line by line, for `hekate repl`: host/repl asks, one command in each pack. Its first line is a JSON object with `op`,
-- the rest the text that it is about; the answer is a JSON object.
local ffi = require "ffi"
local calls = require "script_calls"
local cjson = require "cjson"
local declarations = require "declarations"
local environment = require "environment"
local pattern_cost = require "pattern_cost"
local pattern_text = require "pattern_text"
local pattern_tree = require "pattern_tree"
local tester = require "grammar_tester"

local M = {}

local env, script, workspace_bytes
local watched -- LPEG, remembering how patterns were made
local current -- the grammar that samples are matched with
local declared -- whether it was made by declare_grammar

-- ---------------------------------------------------------------- values for people

local MAX_DEPTH, MAX_ITEMS = 6, 200

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. (type(key) == "string" and pattern_tree.quoted(key) or calls.text_of(key)) .. "]"
end

local function in_order(t)
  local keys = {}
  for key in next, t do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b)
  end)
  return keys
end

local function inspect(value, depth, left)
  local kind = type(value)
  if kind == "string" then return pattern_tree.quoted(value) end
  if pattern_tree.is_pattern(value) then return "pattern" end
  if kind ~= "table" then return calls.text_of(value) end
  if depth > MAX_DEPTH then return "{...}" end
  local parts = {}
  for number, key in ipairs(in_order(value)) do
    left[1] = left[1] - 1
    if left[1] < 0 then
      parts[#parts + 1] = "..."
      break
    end
    local text = inspect(rawget(value, key), depth + 1, left)
    parts[#parts + 1] = key == number and text or key_text(key) .. " = " .. text
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- ---------------------------------------------------------------- names of patterns

local function add_names(names, prefix, of)
  for key, value in next, of do
    if type(key) == "string" and pattern_tree.is_pattern(value) and not names[value] then names[value] = prefix .. key end
  end
end

local names_are_new = true -- whether Lua has run since they were looked at

-- how the patterns are called that a user can name: globals, and what modules have
local function names_of()
  local names = {}
  add_names(names, "", env)
  for name, module in pairs(environment.modules(env)) do
    if type(module) == "table" and name ~= "lpeg" and name ~= "re" then add_names(names, name .. ".", module) end
  end
  if current then names[current] = names[current] or "grammar" end
  return names
end

-- ---------------------------------------------------------------- running Lua

local function use(pattern, is_declared)
  current, declared = pattern, is_declared or false
end

-- a decoder that declares one of these has no pattern to look into
local function no_pattern() end

local function new_functions(config, unavailable)
  local functions = {
    declare_json = no_pattern, declare_logfmt = no_pattern, declare_payload = no_pattern,
    declare_grammar = function(spec) use(pattern_tree.declared(declarations.grammar(spec)), true) end,
    read_config = function(name) return config[name] end,
  }
  for _, name in ipairs(unavailable) do
    functions[name] = functions[name] or function()
      error(name .. ": here is no message, nor a pipeline; :save a script that calls it, and run its :cases", 2)
    end
  end
  return functions
end

local STATEMENTS = {}
for word in ("break do for function goto if local repeat return while"):gmatch "%a+" do
  STATEMENTS[word] = true
end

-- An expression, or statements. If it is neither, the fault is told that is further on, where Lua had understood more.
local function compiled(text, name)
  local chunk, of_expression = loadstring("return " .. text, "=" .. name)
  if chunk then return chunk end
  local of_statements
  chunk, of_statements = loadstring(text, "=" .. name)
  if chunk then return chunk end
  local is_statement = STATEMENTS[text:match "^%s*(%a+)" or ""] or text:find "^%s*[%a_][%w_.,%[%]\"' ]*=[^=]"
  return nil, is_statement and of_statements or of_expression
end

-- The line and the column, from 1, that an error is about; the column is nil if nobody knows. Of a fault of syntax it is where the first
-- text ends at which Lua knows that it cannot go on, of others the first place of the name that is told.
local function place_of(text, name, err)
  local line, what = err:match("^" .. name:gsub("%p", "%%%0") .. ":(%d+): (.*)")
  if not line then return nil end
  local number, from = tonumber(line), 1
  for _ = 2, number do
    from = (text:find("\n", from, true) or #text) + 1
  end
  local until_ = (text:find("\n", from, true) or #text + 1) - 1
  local wanted = what:match "near '(.-)'$" or what:match "%a+ '([%a_][%w_]*)'"
  local at = wanted and text:find(wanted, from, true)
  while at and at <= until_ do
    local _, fault = compiled(text:sub(1, at + #wanted - 1), name)
    if not what:find "near '" or (fault and not fault:find("near '<eof>'", 1, true)) then return number, at - from + 1 end
    at = text:find(wanted, at + 1, true)
  end
  return number
end

-- An error in a function of the REPL's own is told where the user's Lua called it.
local function with_place(name)
  return function(err)
    if type(err) ~= "string" or not err:find "^kernel/" then return err end
    for level = 2, 30 do
      local info = debug.getinfo(level, "Sl")
      if not info then break end
      if info.source == "=" .. name then return ("%s:%d: %s"):format(name, info.currentline, (err:gsub("^kernel/[%w_/.]+:%d+: ", ""))) end
    end
    return (err:gsub("^kernel/[%w_/.]+:%d+: ", name .. ": "))
  end
end

-- keeps the values with their count, since some may be nil
local function packed(...)
  return { n = select("#", ...), ... }
end

local function run(text, name)
  if text:byte(1) == 27 then return { ok = false, error = "Bytecode is never loaded." } end
  local chunk, err = compiled(text, name)
  if not chunk then
    local line, column = place_of(text, name, err)
    return { ok = false, error = err, line = line, column = column, incomplete = err:find("near '<eof>'", 1, true) ~= nil }
  end
  names_are_new = true
  local before, grammar_before = current, rawget(env, "grammar")
  setfenv(chunk, env)
  local results = packed(xpcall(chunk, with_place(name)))
  if not results[1] then
    if results[2] == calls.OUT_OF_MEMORY then error(results[2], 0) end
    local told = calls.text_of(results[2])
    local line, column = place_of(text, name, told)
    return { ok = false, error = told, line = line, column = column }
  end
  local set = rawget(env, "grammar")
  if set ~= grammar_before and pattern_tree.is_pattern(set) then use(set) end
  if pattern_tree.is_pattern(results[2]) then use(results[2]) end
  local values = {}
  for i = 2, results.n do
    values[i - 1] = { type = pattern_tree.is_pattern(results[i]) and "pattern" or type(results[i]),
      text = inspect(results[i], 0, { MAX_ITEMS }) }
  end
  return { ok = true, values = values, grammar = current ~= nil, changed = current ~= before, declared = declared }
end

-- ---------------------------------------------------------------- commands

local ops = {}
local tools = {} -- scripts of the REPL's own, which answer a function each: by name, as long as no Lua of the user's has run

-- The memory beyond production's is for looking into grammars: while a user's Lua runs it is taken.
function ops.run(asked, text)
  tools = {}
  collectgarbage()
  collectgarbage() -- a pattern's program is let go by the first, the pattern by the second
  M.workspace = ffi.new("uint8_t[?]", workspace_bytes)
  local answer = run(text, asked.name or "repl")
  M.workspace = nil
  collectgarbage()
  return answer
end

-- whether a text is Lua that has only begun
function ops.check(_, text)
  local chunk, err = compiled(text, "repl")
  return { ok = true, incomplete = not chunk and err:find("near '<eof>'", 1, true) ~= nil }
end

-- calls a script apart from all others, with one argument; it answers a value
function ops.call(asked, text)
  pattern_tree.unwatch_operators()
  environment.provide("lpeg", pattern_tree.real)
  local ok, answer = pcall(function()
    tools[asked.name] = tools[asked.name] or setfenv(assert(loadstring(text, "=" .. asked.name)), environment.new(asked.name, {}))()
    return tools[asked.name](asked.argument)
  end)
  environment.provide("lpeg", watched)
  pattern_tree.watch_operators()
  if not ok and answer == calls.OUT_OF_MEMORY then error(answer, 0) end
  if not ok then return { ok = false, error = calls.text_of(answer) } end
  return { ok = true, answer = answer }
end

local function need_grammar()
  if not current then error("There is no grammar yet: enter a pattern, set `grammar`, or :load one.", 0) end
  return current
end

function ops.match(asked, text)
  local out = tester.tried(need_grammar(), text, names_are_new and names_of() or nil, asked.trace)
  names_are_new = false
  out.ok = true
  return out
end

-- whether texts match; `ends` says where each ends in the text
function ops.cover(asked, text)
  local grammar, results, from = need_grammar(), {}, 0
  local match = pattern_tree.real.match
  for i, to in ipairs(asked.ends) do
    local end_ = match(pattern_tree.operators.div(grammar, 0) * pattern_tree.real.Cp(), text:sub(from + 1, to))
    results[i] = end_ ~= nil and end_ or false
    from = to
  end
  return { ok = true, ends = results }
end

function ops.explain()
  return { ok = true, lines = pattern_text.explain(need_grammar(), names_of()) }
end

local BENCH_S = 0.012

function ops.bench(asked, text)
  local grammar, table_ns, positions_ns, from, matched = need_grammar(), 0, 0, 0, 0
  local _, positions = pcall(pattern_cost.positions, grammar)
  for _, to in ipairs(asked.ends) do
    local record = text:sub(from + 1, to)
    from = to
    if pattern_tree.real.match(grammar, record) ~= nil then
      matched = matched + 1
      table_ns = table_ns + tester.nanoseconds(grammar, record, 1, BENCH_S / #asked.ends)
      positions_ns = positions_ns + tester.nanoseconds(positions, record, 1, BENCH_S / #asked.ends)
    end
  end
  if matched == 0 then return { ok = false, error = "None of the samples matches, so there is nothing to measure." } end
  return { ok = true, table_ns = table_ns / matched, positions_ns = positions_ns / matched, matched = matched }
end

function ops.costs(_, text)
  local grammar = need_grammar()
  local nanoseconds = function(p, subject, at) return tester.nanoseconds(p, subject, at, 0.0004) end
  return { ok = true, costs = pattern_cost.costs(grammar, text, names_of(), nanoseconds, 0.03, declared) }
end

function ops.runs_on(_, text)
  return { ok = true, names = declared and current and pattern_cost.runs_on(current, text) or {} }
end

-- the names that may follow a dot, be it behind a module, or the globals
function ops.members(asked)
  local at = type(asked.module) == "string" and environment.require_for(env, asked.module) or env
  for part in (asked.path or ""):gmatch "[^.]+" do
    at = type(at) == "table" and rawget(at, part) or nil
  end
  local found = {}
  for key, value in next, type(at) == "table" and at or {} do
    if type(key) == "string" then found[#found + 1] = { name = key, type = pattern_tree.is_pattern(value) and "pattern" or type(value) } end
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return { ok = true, members = found }
end

-- ---------------------------------------------------------------- the process

function M.open(given, given_workspace_bytes)
  script, workspace_bytes = given, given_workspace_bytes
  watched = pattern_tree.watched_lpeg()
  pattern_tree.watch_operators()
  environment.provide("lpeg", watched)
  env = environment.new(script.name, new_functions(script.config, script.config.unavailable or {}))
  env.lpeg = environment.required(env, "lpeg")
end

-- command PACK: one command of host/repl
function M.run(command)
  local asked, text = tester.text_of(command):match "^([^\n]*)\n(.*)$"
  local head = cjson.decode(asked)
  local ok, answer = pcall(ops[head.op], head, text)
  if not ok and answer == calls.OUT_OF_MEMORY then error(answer, 0) end
  if not ok then answer = { ok = false, error = calls.text_of(answer) } end
  return tester.answer(command, answer, ok)
end

return M
