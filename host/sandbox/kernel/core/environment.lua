-- What a script finds when it runs: an allowlist of standard functions and the API of its kind. Nothing else exists
-- for it: no io, no ffi, no debug, no jit, no load, no way to a C module but those loaded here.
local ffi = require "ffi"
local bit = require "bit"
local C = require "channel"
local calls = require "script_calls"
local elsewhere = require "unsupported_api"
local lpeg = require "lpeg"
local script_cjson = require "script_cjson"
local script_lpeg = require "script_lpeg" -- before re, which keeps LPEG's operators when it is loaded
local script_re = require "script_re"
local virtual_time = require "virtual_time"

local getinfo = debug.getinfo

local M = {
  watch = nil, -- (chunk, file): told of each module that is about to run, in a trial that wants to know which lines run
}

local BASE = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "rawequal", "rawget", "rawset", "select",
  "setmetatable", "tonumber", "tostring", "type", "unpack", "_VERSION",
}
local STRING = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse", "sub", "upper" }
local TABLE = { "concat", "insert", "maxn", "remove", "sort" }
local OS = { "clock", "date", "difftime", "time" }

local function pick(from, names)
  local out = {}
  for _, name in ipairs(names) do
    out[name] = from[name]
  end
  return out
end

local function all(from)
  local out = {}
  for k, v in pairs(from) do
    out[k] = v
  end
  return out
end

-- What scripts and the kernel cannot but share: the metatables of strings and of LPEG's patterns. They are read-only for
-- scripts, and reach only what a script may have.
local function lock_metatables()
  local of_strings, of_patterns = getmetatable "", getmetatable(lpeg.P(true))
  of_strings.__index, of_strings.__metatable = pick(string, STRING), false
  of_patterns.__index, of_patterns.__metatable = all(script_lpeg), false
end
require "re" -- which itself asks for LPEG's metatable when it is loaded
lock_metatables()

local loaded_c = { lpeg = script_lpeg }

-- a module of C that the host has loaded for all
function M.provide(name, module)
  loaded_c[name] = module
end

-- lines that a script may print while one command is carried out; what is more is left out
local MAX_LINES = 100

local function new_print(name)
  return function(...)
    if C.printed >= MAX_LINES then return end
    C.printed = C.printed + 1
    local parts = {}
    for i = 1, select("#", ...) do
      parts[i] = calls.text_of((select(i, ...)))
    end
    local rest = C.printed == MAX_LINES and " (what it prints beyond this is left out)" or ""
    C.text(C.PRINT, name .. ": " .. table.concat(parts, "\t") .. rest)
  end
end

-- A script may catch its own errors, but not the end of its memory: that would let it go on in a state where nothing
-- works any more.
local function passing_on(ok, err, ...)
  if not ok and err == calls.OUT_OF_MEMORY then error(err, 0) end
  return ok, err, ...
end

local function safe_pcall(...)
  return passing_on(pcall(...))
end

local function safe_xpcall(...)
  return passing_on(xpcall(...))
end

ffi.cdef [[ double erf(double x); double erfc(double x); ]]

-- math, and what Hindsight's has beside it
local function mathematics()
  local out = all(math)
  out.erf = function(x) return ffi.C.erf(tonumber(x) or error("math.erf: takes a number", 2)) end
  out.erfc = function(x) return ffi.C.erfc(tonumber(x) or error("math.erfc: takes a number", 2)) end
  return out
end

-- the standard library that `require` may also be asked for
local function standard()
  return { string = pick(string, STRING), table = pick(table, TABLE), os = virtual_time.apply(pick(os, OS)), math = mathematics() }
end

-- Modules that were written in C before. In Lua 5.1 such a module also becomes the global of its name, and scripts for Heka count on
-- that: `require "cjson"`, and then `cjson.decode(...)`.
local GLOBAL_WHEN_REQUIRED = {
  bit = true, bloom_filter = true, circular_buffer = true, cjson = true, cuckoo_filter = true, cuckoo_filter_expire = true,
  hyperloglog = true, lpeg = true, sax = true, struct = true, xxhash = true,
}

local loaded_by = setmetatable({}, { __mode = "k" }) -- environment -> its modules, by name
local require_of = setmetatable({}, { __mode = "k" }) -- environment -> its `require`, whatever the script has made of the global

-- Returns `setfenv` for the functions that run in `env`, and in the tables that this very `setfenv` has put in its place. Others are
-- never changed and never returned: a tail call in a metamethod makes its caller's caller level 1, and that may be the kernel.
local function new_setfenv(env)
  local own = setmetatable({ [env] = true }, { __mode = "k" })
  return function(what, to)
    if what ~= 1 then error("setfenv: only a module's own level 1 may be set", 2) end
    if type(to) ~= "table" then error("setfenv: an environment is a table, not a " .. type(to), 2) end
    local level = getinfo(2, "fS")
    if not level or level.what == "C" or not own[getfenv(level.func)] then
      error("setfenv: level 1 is no function of this script or module; do not call setfenv as a tail call", 2)
    end
    own[to] = true
    return setfenv(level.func, to)
  end
end

-- Returns the environment of a module. Its `setfenv` is its own, so a script cannot change the functions of a module either.
local function module_environment(env)
  local globals, module_env = setmetatable({}, { __index = env }), {}
  globals.setfenv = new_setfenv(module_env)
  return setmetatable(module_env, { __index = globals })
end

-- what is there only when it is required
local function on_demand()
  return { bit = all(bit) }
end

-- asks the host for a module's text
local function fetch(name)
  C.text(C.NEED_MODULE, name)
  local answer = C.wait_for(C.MODULE)
  if answer.flags == 0 then error("module '" .. name .. "' not found: " .. answer.text .. elsewhere.module(name), 3) end
  return answer.text
end

-- answers `require` and what it has loaded, by name
local function new_require(env, libraries)
  local loaded, loading = {}, {}
  local to_publish = all(GLOBAL_WHEN_REQUIRED)
  local function publish(name)
    local module = loaded[name]
    if to_publish[name] then
      rawset(env, name, module)
      to_publish[name] = nil
    end
    return module
  end
  for name, module in pairs(libraries) do
    loaded[name] = module
  end
  for name, module in pairs(on_demand()) do
    loaded[name] = module
  end
  for name, module in pairs(loaded_c) do
    loaded[name] = type(module) == "table" and all(module) or module
  end
  if loaded.cjson then loaded.cjson = script_cjson(loaded.cjson) end
  if loaded.re then loaded.re = script_re(loaded.re) end
  return function(name)
    if type(name) ~= "string" then error("require: the name must be a string", 2) end
    if loaded[name] ~= nil then return publish(name) end
    if loading[name] then error("require: module '" .. name .. "' requires itself", 2) end
    local chunk, err = loadstring(fetch(name), "=" .. name .. ".lua")
    if not chunk then error(err, 2) end
    if M.watch then M.watch(chunk, name .. ".lua") end
    local module_env = module_environment(env)
    setfenv(chunk, module_env)
    loading[name] = true
    local ok, module = pcall(chunk, name)
    loading[name] = nil
    if not ok then error(module, 0) end
    loaded[name] = module == nil and module_env or module
    return publish(name)
  end, loaded
end

-- An environment for one script. api: its functions by name; name: stands before what it prints.
function M.new(name, api)
  local env = pick(_G, BASE)
  local libraries = standard()
  for library, functions in pairs(libraries) do
    env[library] = functions
  end
  for k, v in pairs(api) do
    env[k] = v
  end
  env.print, env.pcall, env.xpcall = new_print(name), safe_pcall, safe_xpcall
  env.setfenv = new_setfenv(env)
  env._G = env
  env.require, loaded_by[env] = new_require(env, libraries)
  require_of[env] = env.require
  return env
end

-- a module that a script would get if it required it; it must be one that needs no file
function M.required(env, name)
  return loaded_by[env][name]
end

-- what the script of an environment has required, and what it could require without a file, by name
function M.modules(env)
  return loaded_by[env]
end

-- Loads a module for the script of an environment, as its `require` does.
function M.require_for(env, name)
  return require_of[env](name)
end

-- whether a value is a module that the script of an environment has required
function M.is_module(env, value)
  for _, module in pairs(loaded_by[env]) do
    if rawequal(module, value) then return true end
  end
  return false
end

-- compiles a script's text; bytecode is refused
function M.load(text, chunk_name, env)
  if text:byte(1) == 27 then error(chunk_name .. ": is bytecode, which is never loaded", 0) end
  local chunk, err = loadstring(text, "=" .. chunk_name)
  if not chunk then error(err, 0) end
  return setfenv(chunk, env)
end

return M
