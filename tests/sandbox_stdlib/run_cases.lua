-- Runs a file of cases against the modules of the standard library, in an environment like a script's: only what the
-- sandbox offers, modules loaded as text, the API in its plainest form. Works in LuaJIT and in stock Lua 5.1:
--
--     lua5.1 run_cases.lua MODULE_DIRECTORY CASES_FILE
--
-- What a file of cases calls is described in checks.lua.
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
  env.require = new_require(env, directory)
  return env
end

-- The number of cases that ran, and a list of what failed.
local function run(directory, file)
  local env = new_environment(directory)
  local result = assert(loadfile((file:gsub("cases/[^/]*$", "checks.lua"))))()(env, debug.traceback)
  setfenv(assert(loadfile(file)), env)()
  return result()
end

if not arg or not arg[2] then return run end
local count, failures = run(arg[1], arg[2])
print(count .. " cases, " .. #failures .. " failures")
print(table.concat(failures, "\n\n"))
os.exit(#failures == 0 and count > 0 and 0 or 1)
