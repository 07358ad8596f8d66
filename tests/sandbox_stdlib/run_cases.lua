-- Runs a file of cases against the modules of the standard library, in an environment like a script's: only what the
-- sandbox offers, modules loaded as text, the API in its plainest form. Works in LuaJIT and in stock Lua 5.1:
--
--     lua5.1 run_cases.lua MODULE_DIRECTORY CASES_FILE
--
-- A file of cases calls `case(name, function)`. Within it:
--   same(actual, expected)   fails unless both are equal, deeply (nan is equal to nan)
--   close(actual, expected, within)
--   fails(pattern, f, ...)   fails unless f(...) raises an error that matches
--   matches(grammar, table)  a case for each pair {text, what the grammar captures from it}
--   message(fields), config(options): what read_message and read_config answer from now on
--   sent: what was injected, as {type, name, text} or as a table; given back empty by clear_sent()
local BASE = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
  "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION",
}
local STRING = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper" }

local function pick(from, names)
  local out = {}
  for _, name in ipairs(names) do out[name] = from[name] end
  return out
end

local function show(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for k, v in pairs(value) do parts[#parts + 1] = tostring(k) .. " = " .. show(v) end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function equal(a, b)
  if a == b or a ~= a and b ~= b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, v in pairs(a) do
    if not equal(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local check = {}

function check.same(actual, expected)
  if not equal(actual, expected) then error("got " .. show(actual) .. "\nnot " .. show(expected), 2) end
end

function check.close(actual, expected, within)
  if not (math.abs(actual - expected) <= within) then
    error(("got %.17g, not within %g of %.17g"):format(actual, within, expected), 2)
  end
end

function check.fails(pattern, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error, but one like " .. pattern .. " was expected", 2) end
  if not tostring(err):find(pattern) then error("error " .. tostring(err) .. ", not like " .. pattern, 2) end
end

local function new_api(env)
  local fields, options = {}, {}
  env.sent = {}
  function env.message(new) fields = new end
  function env.config(new) options = new end
  function env.clear_sent() env.sent = {} end
  function env.read_message(name) return fields[name] end
  function env.read_config(name) return options[name] end
  function env.inject_payload(kind, name, ...)
    env.sent[#env.sent + 1] = { kind, name, table.concat({ ... }) }
  end
  function env.inject_message(message) env.sent[#env.sent + 1] = message end
  function env.decode_message() return fields end
end

local function new_require(env, directory)
  local loaded = {
    string = pick(string, STRING), table = env.table, os = env.os, math = env.math, lpeg = require "lpeg",
    cjson = require "cjson", bit = package.loaded.bit,
  }
  local read = io.open
  return function(name)
    if loaded[name] ~= nil then return loaded[name] end
    local file = assert(read(directory .. "/" .. name:gsub("%.", "/") .. ".lua"), "no module " .. name)
    local text = file:read "*a"
    file:close()
    local chunk = assert(loadstring(text, "=" .. name .. ".lua"))
    loaded[name] = setfenv(chunk, setmetatable({}, { __index = env }))(name)
    return loaded[name]
  end
end

local function new_environment(directory)
  local env = pick(_G, BASE)
  env.string = pick(string, STRING)
  env.table = pick(table, { "concat", "insert", "maxn", "remove", "sort" })
  env.os = pick(os, { "clock", "date", "difftime", "time" })
  env.math = math
  env._G = env
  for name, f in pairs(check) do env[name] = f end
  new_api(env)
  env.require = new_require(env, directory)
  return env
end

-- The number of cases that ran, and a list of what failed.
local function run(directory, file)
  local env, count, failures = new_environment(directory), 0, {}
  function env.case(name, f)
    count = count + 1
    local ok, err = xpcall(f, debug.traceback)
    if not ok then failures[#failures + 1] = name .. ": " .. tostring(err) end
  end
  function env.matches(grammar, pairs_of)
    for i, pair in ipairs(pairs_of) do
      env.case(("#%d %s"):format(i, pair[1]), function() check.same(grammar:match(pair[1]), pair[2]) end)
    end
  end
  setfenv(assert(loadfile(file)), env)()
  return count, failures
end

if not arg or not arg[2] then return run end
local count, failures = run(arg[1], arg[2])
print(count .. " cases, " .. #failures .. " failures")
print(table.concat(failures, "\n\n"))
os.exit(#failures == 0 and count > 0 and 0 or 1)
